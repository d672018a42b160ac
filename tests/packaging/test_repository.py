"""What holds for the checkout as a whole, whatever the code does."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]

TOP_LEVEL = {
    ".ci",
    ".dlt",
    ".gitignore",
    ".sqlfluff",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "DECISIONS.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "pipelines",
    "pyproject.toml",
    "sql",
    "tests",
}

# Where packages come from is the business of the machine that installs them: an address here would
# break every other one. (Written so that the pattern does not match itself.)
PACKAGE_INDEX = re.compile(
    r"pypi[.]org|pythonhosted[.]org|repo1?[.]maven[.]|//[^/\s]+/(?:\S+/)?simple(?:/|\s|$)"
    r"|--(?:extra-)?index[-]url|--find[-]links|--trusted[-]host|PIP_(?:EXTRA_)?INDEX[_]URL"
)

# A path of somebody's machine: no other has it, or it holds something else there. Not meant are parts
# of an address or of a relative path, which have a name, a dot or a bracket before the slash.
MACHINE_PATH = re.compile(
    r"(?<![\w.~/}\])-])/(?:work|workspace|root|home|Users|tmp|mnt|private|var/folders)/\w"
    r"|(?<!\w)[A-Z]:\\\\?\w+\\"
)


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that is, or at the next `git add` would be, in the repository."""
    git = ["git", "-C", str(CHECKOUT)]
    try:
        prefix = subprocess.run(
            [*git, "rev-parse", "--show-prefix"], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    # An unpacked source distribution has no repository, or lies inside somebody else's.
    if prefix.returncode or prefix.stdout.strip():
        pytest.skip(f"not the top of a git checkout: {CHECKOUT}")
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    return sorted(CHECKOUT / name for name in names if (CHECKOUT / name).is_file())


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> Iterator[str]:
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                yield f"{file.relative_to(CHECKOUT)}:{number}: {line.strip()}"


def test_top_level_holds_what_was_agreed_and_little_else(files: list[Path]) -> None:
    entries = {file.relative_to(CHECKOUT).parts[0] for file in files}
    assert entries <= TOP_LEVEL


def test_no_file_names_a_package_index(files: list[Path]) -> None:
    assert list(lines_with(PACKAGE_INDEX, files)) == []


def test_no_file_names_a_path_of_one_machine(files: list[Path]) -> None:
    assert list(lines_with(MACHINE_PATH, files)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('open("/{}/ann/x")', True),
        ("cd /{}/ann", True),
        ("--database=/{}/ann/x.duckdb", True),
        ("https://example.com/{}/ann", False),
        ("./{}/ann", False),
        ("$FOLDER/{}/ann", False),
        ("/customers/{}/ann", False),
    ],
)
def test_a_machine_path_is_told_from_an_address(line: str, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line.format("home"))) is found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pip install -i https://mirror.example.com/{}/", True),
        ("index = https://mirror.example.com/python/{}", True),
        ("https://example.com/{}-examples", False),
        ("a {} view", False),
    ],
)
def test_a_package_index_is_told_from_an_address(line: str, found: bool) -> None:
    assert bool(PACKAGE_INDEX.search(line.format("simple"))) is found


def test_no_environment_or_warehouse_or_key_is_in_the_repository(files: list[Path]) -> None:
    private = re.compile(r"^\.venv|\.duckdb($|\.)|^\.dlt/secrets\.toml$|(^|/)\.env$")
    names = [file.relative_to(CHECKOUT).as_posix() for file in files]
    assert [name for name in names if private.search(name)] == []


def test_constraints_pin_everything_declared_but_duckdb() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    versions = {}
    for pin in pins:
        [specifier] = pin.specifier
        assert (pin.url, specifier.operator) == (None, "=="), pin
        versions[pin.name.lower()] = specifier.version

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = chain(project["dependencies"], *project["optional-dependencies"].values())
    for requirement in map(Requirement, declared):
        if requirement.name in {project["name"], "duckdb"}:
            continue
        assert requirement.name.lower() in versions
        assert requirement.specifier.contains(versions[requirement.name.lower()]), requirement
    # Two lines of it are supported, and the Makefile chooses.
    assert "duckdb" not in versions


def test_make_help_lists_every_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\.PHONY: ([a-z0-9-]+)$", makefile, flags=re.MULTILINE)
    listing = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=CHECKOUT,
        # What a surrounding make says to its children is not meant for this one.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line.split()[0] for line in listing.splitlines()] == targets
    assert "test" in targets


def test_ci_run_can_be_executed() -> None:
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)
