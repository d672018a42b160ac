"""All that the program uses of dlt must be there in every supported version, what is undocumented in one place."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

import flexprice_wallets

PACKAGE = Path(flexprice_wallets.__file__).parent
SCOPE = PACKAGE / "dlt_scope.py"
#: Parts of dlt that its documentation does not speak of.
UNDOCUMENTED = (
    "dlt.common.configuration.container",
    "dlt.common.configuration.specs.config_providers_context",
    "dlt.common.configuration.specs.pluggable_run_context",
    "dlt.common.configuration.utils",
    "dlt.common.pipeline",
    "dlt.common.runtime",
)
_CONTEXTS = "dlt.common.configuration.specs.pluggable_run_context"
#: What `dlt_scope.py` asks of objects of dlt, or replaces in them.
ATTRIBUTES = {
    "dlt.common.configuration.container.Container": [
        "injectable_context",
        "get",
        "__contains__",
        "__getitem__",
        "__setitem__",
        "__delitem__",
    ],
    "dlt.common.configuration.providers.DictionaryProvider": ["values"],
    "dlt.common.configuration.specs.base_configuration.ContainerInjectableContext": [
        "can_create_default",
        "global_affinity",
    ],
    "dlt.common.configuration.specs.config_providers_context.ConfigProvidersContainer": [
        "providers",
        "context_provider",
        "add_extras",
    ],
    f"{_CONTEXTS}.PluggableRunContext": ["context", "providers", "reload"],
    f"{_CONTEXTS}.RunContextBase": ["initial_providers"],
    "dlt.common.pipeline.PipelineContext": ["deactivate"],
}
#: What other modules ask of them.
ATTRIBUTES_ELSEWHERE = {
    "dlt.Pipeline": ["run", "schemas", "sync_schema", "destination_client"],
    "dlt.Schema": ["name", "update_table"],
    "dlt.common.destination.client.SupportsOpenTables": [
        "load_open_table",
        "get_open_table_catalog",
    ],
    "dlt.common.storages.live_schema_storage.LiveSchemaStorage": ["save_schema"],
    "dlt.common.configuration.specs.base_configuration.CredentialsConfiguration": [
        "to_native_representation"
    ],
}
#: From where other modules take names that dlt does not give out itself. Each more is one more that dlt may move.
MODULES_ELSEWHERE = {
    "dlt.common.configuration.exceptions": {"ConfigurationException"},
    "dlt.common.configuration.resolve": {"resolve_configuration"},
    "dlt.common.data_types": {"TDataType"},
    "dlt.common.destination": {"Destination"},
    "dlt.common.destination.exceptions": {"DestinationUndefinedEntity"},
    "dlt.common.exceptions": {"DltException", "MissingDependencyException"},
    "dlt.common.libs.pyarrow": {"py_arrow_to_table_schema_columns"},
    "dlt.common.schema.typing": {"TColumnSchema", "TTableSchema", "TTableSchemaColumns"},
    "dlt.common.schema.utils": {"new_table"},
    "dlt.common.storages.exceptions": {"CurrentLoadPackageStateNotAvailable"},
    "dlt.common.typing": {"ConfigValueSentinel"},
    "dlt.destinations.impl.postgres.configuration": {"PostgresCredentials"},
    "dlt.extract": {"DltResource", "DltSource"},
    "dlt.extract.items": {"DataItemWithMeta"},
}


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Every name that a module takes from a module of dlt."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dlt":
            for each in node.names:
                yield str(node.module), each.name


def attributes(file: Path) -> Iterator[str]:
    """Every dotted name that a module writes from `dlt` on, as `dlt.mark.make_hints`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        path: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            path.insert(0, inner.attr)
            inner = inner.value
        if path and isinstance(inner, ast.Name) and inner.id == "dlt":
            yield ".".join(path)


NAMES = sorted(
    {(module, name, file.name) for file in PACKAGE.rglob("*.py") for module, name in imports(file)}
)
PATHS = sorted({(path, file.name) for file in PACKAGE.rglob("*.py") for path in attributes(file)})


@pytest.mark.parametrize(("module", "name", "file"), NAMES)
def test_every_name_is_there(module: str, name: str, file: str) -> None:
    try:
        found = hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        found = False
    assert found, missing(f"dlt {dlt.__version__}", f"{module}.{name}", file)


@pytest.mark.parametrize(("path", "file"), PATHS)
def test_every_attribute_of_dlt_is_there(path: str, file: str) -> None:
    owner: Any = dlt
    for name in path.split("."):
        assert hasattr(owner, name), missing(f"dlt {dlt.__version__}", f"dlt.{path}", file)
        owner = getattr(owner, name)


@pytest.mark.parametrize(
    ("path", "attribute", "file"),
    [
        (path, attribute, file)
        for table, file in ((ATTRIBUTES, SCOPE.name), (ATTRIBUTES_ELSEWHERE, "the package"))
        for path, names in table.items()
        for attribute in names
    ],
)
def test_what_is_asked_of_objects_of_dlt_is_there(path: str, attribute: str, file: str) -> None:
    module, _, name = path.rpartition(".")
    try:
        owner = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        owner = None
    assert owner is not None, missing(f"dlt {dlt.__version__}", path, file)
    assert hasattr(owner, attribute) or attribute in owner.__annotations__, missing(
        f"{name} of dlt {dlt.__version__}", attribute, file
    )


def test_what_the_scope_rests_on_is_what_it_was() -> None:
    """A name may stay and mean something else."""
    assert list(inspect.signature(PluggableRunContext.reload).parameters)[1] == "run_dir_or_context"
    assert list(inspect.signature(ConfigProvidersContainer).parameters) == ["initial_providers"]
    assert type(ConfigProvidersContainer([]).providers) is list
    # A descriptor of the class takes its place.
    assert "providers" not in vars(PluggableRunContext)
    context = PluggableRunContext()
    assert vars(context)["providers"] is context.providers


def missing(owner: str, name: str, file: str) -> str:
    return f"{owner} has no {name}, which {file} uses: find what has replaced it"


def test_what_dlt_does_not_document_is_used_in_one_place() -> None:
    for file in PACKAGE.rglob("*.py"):
        taken = [f"{module}.{name}" for module, name in imports(file)]
        assert not [each for each in taken if "._" in each], file
        if file != SCOPE:
            assert not [each for each in taken if each.startswith(UNDOCUMENTED)], file
            for module, name in imports(file):
                assert name in MODULES_ELSEWHERE.get(module, ()), (
                    f"{file.name} takes {name} from {module}: add it to MODULES_ELSEWHERE, where nothing of `dlt` "
                    "itself will do"
                )
    assert [module for module, _ in imports(SCOPE) if module.startswith(UNDOCUMENTED)]
