"""The wheel does the main job in another folder, with no checkout in sight."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import flexprice_wallets

CHECKOUT = Path(__file__).resolve().parents[2]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    build = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def packed(wheel: Path) -> set[str]:
    """The names of the files inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and sees the dependencies that this one has.

    They are lent, not installed again, to save half a minute: that the declared ones are enough shows
    in this environment, which pip made from the declaration.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel],
        check=True,
    )
    # Only now, or pip would find the project installed already. Of a folder that comes in through a
    # .pth file Python reads no further .pth file, so the editable checkout stays out.
    [site_packages] = folder.glob("lib/python*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "lent.pth").write_text("\n".join(sorted(lent)) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Runs a program of that environment, in an empty folder and with an empty home."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    kept = {"LANG", "LC_ALL", "PATH", "TMPDIR"}
    environment = {name: value for name, value in os.environ.items() if name in kept}

    def run_there(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [installed / "bin" / program, *arguments],
            cwd=folder,
            env=environment | {"HOME": str(home), "PYTHONNOUSERSITE": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run_there


@pytest.mark.parametrize("kind", ["sql", "yml"])
def test_every_view_travels_with_its_description(packed: set[str], kind: str) -> None:
    folder = CHECKOUT / "sql"
    files = {file.relative_to(folder).as_posix() for file in folder.rglob(f"*.{kind}")}
    assert files
    assert {f"flexprice_wallets/sql/{file}" for file in files} <= packed


@pytest.mark.parametrize("package", ["flexprice_wallets", "flexprice_emulator"])
def test_every_module_of_both_packages_travels(packed: set[str], package: str) -> None:
    folder = CHECKOUT / "pipelines"
    modules = {file.relative_to(folder).as_posix() for file in (folder / package).rglob("*.py")}
    assert f"{package}/__init__.py" in modules
    assert modules | {f"{package}/py.typed"} <= packed


def test_nothing_else_travels(packed: set[str]) -> None:
    kinds = {(Path(name).parts[0].split("-")[0], Path(name).suffix) for name in packed}
    for top, suffix in kinds:
        assert top in {"flexprice_wallets", "flexprice_emulator"}
        assert suffix not in {".pyc", ".duckdb", ".toml"}


def test_what_runs_is_the_wheel_and_not_the_checkout(run: Run, installed: Path) -> None:
    names = "flexprice_wallets, flexprice_emulator"
    script = f"import {names}\nfor module in ({names}): print(module.__file__)"
    for file in run("python", "-c", script).stdout.splitlines():
        assert Path(file).is_relative_to(installed)


def test_the_command_says_its_version(run: Run) -> None:
    assert flexprice_wallets.__version__ in run("flexprice-wallets", "--version").stdout


@pytest.mark.slow
def test_the_demo_leaves_a_warehouse(run: Run, tmp_path: Path) -> None:
    tour = run("flexprice-wallets", "demo", "--days", "3").stdout
    named = re.findall(r"[^\s'\"`]+\.duckdb\b", tour)
    assert any((tmp_path / "folder" / name).is_file() for name in named), tour
