"""All that the program uses of dlt must be there in every supported version, what is undocumented in one place."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import dlt
import pytest

import flexprice_wallets

PACKAGE = Path(flexprice_wallets.__file__).parent
SCOPE = PACKAGE / "dlt_scope.py"
#: Parts of dlt that its documentation does not speak of.
UNDOCUMENTED = (
    "dlt.common.configuration.container",
    "dlt.common.configuration.specs.config_providers_context",
    "dlt.common.configuration.specs.pluggable_run_context",
    "dlt.common.pipeline",
    "dlt.common.runtime",
)
#: What `dlt_scope.py` asks of objects of dlt.
ATTRIBUTES = {
    "dlt.common.configuration.container.Container": ["injectable_context", "get"],
    "dlt.common.configuration.providers.DictionaryProvider": ["values"],
    "dlt.common.configuration.specs.pluggable_run_context.PluggableRunContext": ["context"],
    "dlt.common.pipeline.PipelineContext": ["deactivate"],
}


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Every name that a module takes from a module of dlt."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dlt":
            for each in node.names:
                yield str(node.module), each.name


NAMES = sorted(
    {(module, name, file.name) for file in PACKAGE.rglob("*.py") for module, name in imports(file)}
)


@pytest.mark.parametrize(("module", "name", "file"), NAMES)
def test_every_name_is_there(module: str, name: str, file: str) -> None:
    try:
        found = hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        found = False
    assert found, (
        f"dlt {dlt.__version__} has no {module}.{name}, which {file} uses: find what has replaced it"
    )


@pytest.mark.parametrize("path", ATTRIBUTES)
def test_what_the_scope_asks_for_is_there(path: str) -> None:
    module, _, name = path.rpartition(".")
    owner = getattr(importlib.import_module(module), name)
    for attribute in ATTRIBUTES[path]:
        assert hasattr(owner, attribute) or attribute in owner.__annotations__, (
            f"{name} of dlt {dlt.__version__} has no {attribute}, which dlt_scope.py uses: find what has replaced it"
        )


def test_what_dlt_does_not_document_is_used_in_one_place() -> None:
    for file in PACKAGE.rglob("*.py"):
        taken = [f"{module}.{name}" for module, name in imports(file)]
        assert not [each for each in taken if "._" in each], file
        if file != SCOPE:
            assert not [each for each in taken if each.startswith(UNDOCUMENTED)], file
    assert [module for module, _ in imports(SCOPE) if module.startswith(UNDOCUMENTED)]
