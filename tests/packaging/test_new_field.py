"""README's recipe for a new field of the API, taken literally in a copy of the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.packaging.test_repository import CHECKOUT

_DECLARATION = '''        Field("alert_state", _TEXT,'''
_LOAD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from datetime import timedelta
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.load import load
from flexprice_wallets.snapshot.options import LoadOptions
from tests.migration.recorded import Answers, serving
answers = Answers()
answers.add_to_wallets(sys.argv[4])
with serving(answers) as api:
    at = answers.snapshot_at + timedelta(days=int(sys.argv[3]))
    limits = Limits(*[Tolerance.parse("100%")] * 3)
    print(load(LoadOptions(api, Path(sys.argv[2]), snapshot_at=at, limits=limits)).snapshot["wallets_changed"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project in which the field `priority` is taken in as README says."""
    copy = tmp_path / "project"
    for folder in ("pipelines", "sql", "tests"):
        shutil.copytree(CHECKOUT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    _insert(
        copy / "pipelines/flexprice_wallets/records/wallet_tables.py",
        _DECLARATION,
        '        Field("priority", _INTEGER, "Which wallet pays first: the lowest. Never summed."),\n',
    )
    _insert(copy / "sql/wallets.sql", "    settings.alert_state,", "    settings.priority,\n")
    _insert(
        copy / "sql/wallet_settings_history.sql",
        "    intervals.alert_state,",
        "    intervals.priority,\n",
    )
    _describe(copy)
    for contract in ("2026-01", "2026-08"):
        path = copy / "tests/records" / f"{contract}.json"
        records = json.loads(path.read_text(encoding="utf-8"))
        records["wallet"]["priority"] = 3
        path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return copy


def _insert(path: Path, before: str, line: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{path.name} has no line {before}"
    path.write_text(text.replace(before, line + before, 1), encoding="utf-8")


def _describe(copy: Path) -> None:
    _insert(
        copy / "sql/columns.yml",
        "  alert_state:",
        "  priority: 'Which wallet pays first: the lowest. Never summed.'\n",
    )


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
    sys.path.insert(0, str(CHECKOUT))
    from tests.migration.recorded import warehouse_of_0_1_0

    for database in (tmp_path / "new.duckdb", warehouse_of_0_1_0(tmp_path)):
        is_new = not database.exists()
        # Null at first: no wallet gets a version for a field that says nothing.
        changed = _load(project, database, 1, '"priority": null')
        assert changed > 0 if is_new else changed == 0
        assert set(_ask(database, "select priority from flexprice.wallets")) == {None}
        listed = _ask(database, "select count(*) from flexprice.wallets where is_listed")[0]
        changed = _load(project, database, 2, '"priority": 7')
        assert 0 < changed <= listed
        assert set(_ask(database, "select priority from flexprice.wallets where is_listed")) == {7}
        assert _ask(
            database,
            "select column_comment from flexprice.data_dictionary where column_name = 'priority' "
            "and object_name in ('wallets', 'wallet_settings_history') and schema_name = 'flexprice'",
        ) == ["Which wallet pays first: the lowest. Never summed."] * 2


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
    for setting in ("topup_conversion_rate", "alert_enabled", "wallet_type"):
        folders = (CHECKOUT / "sql", CHECKOUT / "pipelines" / "flexprice_wallets")
        spelled = {
            path.relative_to(CHECKOUT).as_posix()
            for folder in folders
            for path in folder.rglob("*.*")
            if path.suffix in (".py", ".sql", ".yml")
            and setting in path.read_text(encoding="utf-8")
            # What a wallet's kind means for its balance is no copy of the setting.
            and not (setting == "wallet_type" and "/upkeep/" in path.as_posix())
        }
        assert len(spelled) <= 5 or setting == "wallet_type", (setting, spelled)
