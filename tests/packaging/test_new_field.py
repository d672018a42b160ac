"""README's recipe for a new field of the API, taken literally in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.migration.recorded import warehouse_of_0_1_0
from tests.packaging.test_repository import CHECKOUT

_LOAD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from datetime import timedelta
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.load import take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions
from tests.migration.recorded import Answers, serving
answers = Answers()
answers.add_to_wallets(sys.argv[4])
with serving(answers) as api:
    at = answers.snapshot_at + timedelta(days=int(sys.argv[3]))
    limits = Limits(*[Tolerance.parse("100%")] * 3)
    print(take_snapshot(LoadOptions(api, Path(sys.argv[2]), snapshot_at=at, limits=limits)).snapshot["wallets_changed"])
"""


def _recipe() -> list[tuple[str, str]]:
    """The rows of README's table: a file, and the line to add to it."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("### A new field of the API")
    section, _, _ = rest.partition("\n#")
    rows = re.findall(r"^\| `([^`]+)`[^|]* \| `(.+)` \|$", section, flags=re.MULTILINE)
    assert len(rows) == 4
    return rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project in which the field `tier` is taken in as README says."""
    copy = tmp_path / "project"
    for folder in ("pipelines", "sql", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / folder, copy / folder, ignore=ignore)
    for name, line in _recipe():
        _add(copy / name, line)
    return copy


def _add(path: Path, line: str) -> None:
    """Add a line where its neighbour `alert_state` stands, or in the example's wallet."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    before = next(number for number, text in enumerate(lines) if "alert_state" in text)
    while path.suffix == ".py" and "Field(" not in lines[before]:
        before -= 1
    indent = lines[before][: len(lines[before]) - len(lines[before].lstrip())]
    lines.insert(before, f"{indent}{line}\n")
    path.write_text("".join(lines), encoding="utf-8")


def _run(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "pipelines")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _ask(database: Path, query: str) -> list[Any]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return [value for (value,) in connection.execute(query).fetchall()]


def _load(project: Path, database: Path, day: int, members: str) -> int:
    return int(_run(project, "-c", _LOAD, str(project), str(database), str(day), members))


@pytest.mark.slow
def test_the_value_is_found_in_a_new_warehouse_and_in_one_from_before(
    project: Path, tmp_path: Path
) -> None:
    for database in (tmp_path / "new.duckdb", warehouse_of_0_1_0(tmp_path)):
        is_new = not database.exists()
        # Null at first: no wallet gets a version for a field that says nothing.
        changed = _load(project, database, 1, '"tier": null')
        assert changed > 0 if is_new else changed == 0
        assert set(_ask(database, "select tier from flexprice.wallets")) == {None}
        listed = _ask(database, "select count(*) from flexprice.wallets where is_listed")[0]
        changed = _load(project, database, 2, '"tier": 7')
        assert 0 < changed <= listed
        assert set(_ask(database, "select tier from flexprice.wallets where is_listed")) == {7}
        described = _ask(
            database,
            "select column_comment from flexprice.data_dictionary "
            "where column_name = 'tier' and object_name = 'wallets' and schema_name = 'flexprice'",
        )
        assert described == ["Which wallet pays first: the lowest. Never summed."]


@pytest.mark.slow
def test_the_tests_of_the_copy_are_satisfied(project: Path) -> None:
    # An example and a declaration are all that the tests of records want.
    _run(
        project,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("-c", str(CHECKOUT / "pyproject.toml"), "--rootdir", str(project)),
        *("tests/records", "tests/snapshot/test_example_records.py"),
    )


def test_few_files_spell_a_setting() -> None:
    """Of a setting's name: its declaration, the views that show it, and one description."""
    folders = (CHECKOUT / "sql", CHECKOUT / "pipelines" / "flexprice_wallets")
    files = [
        path
        for folder in folders
        for path in folder.rglob("*.*")
        if path.suffix in (".py", ".sql", ".yml")
    ]
    for setting in ("auto_topup_cooldown_value", "auto_topup_amount", "alert_condition_info"):
        spelled = {
            path.relative_to(CHECKOUT).as_posix()
            for path in files
            if setting in path.read_text(encoding="utf-8")
        }
        assert len(spelled) <= 5, (setting, spelled)
