"""Wrong use and wrong configuration: one clear sentence that says what to set and where, and exit code 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import Ended, run_program
from tests.small_history import SmallHistory

Command = Callable[..., Ended]


def assert_refused(ended: Ended, *said: str) -> None:
    assert ended.code == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err
    [sentence] = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    for words in said:
        assert words in ended.err
    assert sentence.endswith((".", "?", ")"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "0"], ["--workers", "1<=x<=500"]),
        (["--workers", "many"], ["--workers"]),
        (["--max-requests-per-second", "0"], ["--max-requests-per-second"]),
        (["--snapshot-at", "yesterday"], ["--snapshot-at", "2026-03-01T06:00:00Z"]),
        (["--snapshot-at", "2026-03-01T06:00:00"], ["--snapshot-at", "time zone"]),
        (["--snapshot-at", "2026-03-01"], ["--snapshot-at", "time zone"]),
        (["--snapshot-at", "0001-01-01T00:00:00+23:00"], ["--snapshot-at", "out of range"]),
        (["--snapshot-at", "2999-01-01T00:00:00Z"], ["--snapshot-at", "in the future"]),
        (["--max-failures", "120%"], ["--max-failures", "share"]),
        (["--max-vanished", "-1"], ["--max-vanished", "share"]),
        (["--raw-schema", "Raw Schema"], ["--raw-schema", "lower-case"]),
        (["--schema", "x;drop"], ["--schema", "lower-case"]),
        (["--schema", "same", "--raw-schema", "same"], ["other schema"]),
        (["--log-format", "xml"], ["--log-format"]),
        (["--customers-file", "missing.txt"], ["--customers-file", "missing.txt"]),
        (["--customers-file", "empty.txt"], ["--customers-file", "names no customer"]),
        (["--customers-file", "binary.txt"], ["--customers-file", "as text"]),
        (["--credits-breakdown", "--no-real-time-balance"], ["--real-time-balance"]),
        (["--base-url", "nonsense"], ["--base-url", "FLEXPRICE_BASE_URL"]),
        (["--base-url", "http://[bad"], ["--base-url"]),
        (["--base-url", "https://api.example:99999/v1"], ["--base-url"]),
        (["--base-url", "ftp://api.example/v1"], ["--base-url"]),
        (["--base-url", "https://me:secret@api.example/v1"], ["--base-url", "FLEXPRICE_API_KEY"]),
        (["--base-url", "http://api.example/v1"], ["https", "--allow-plain-http"]),
        (["--environment-id", "env\n1"], ["--environment-id", "FLEXPRICE_ENVIRONMENT_ID"]),
        (["--environment-id", "env_ü€"], ["--environment-id"]),
        (["--database", "."], ["--database", "is a directory"]),
        (["--database", "nowhere/warehouse.duckdb"], ["--database", "does not exist"]),
        (["--api-key", "sk_1"], ["--api-key"]),
        (["--bogus"], ["--bogus"]),
        (["surplus"], ["surplus"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_option(connected: Command, folder: Path, arguments: list[str], said: list[str]) -> None:
    (folder / "empty.txt").write_text("\n  \n")
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00\x81")
    assert_refused(connected("load", *arguments), *said)
    assert not list(folder.rglob("*.duckdb"))


def test_no_key(command: Command) -> None:
    assert_refused(command("load"), "FLEXPRICE_API_KEY", "secrets.toml")


@pytest.mark.parametrize("key", ["sk 1", "sk_1\n", "schlüssel"])
def test_key_that_no_header_can_hold(
    command: Command, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("FLEXPRICE_API_KEY", key)
    ended = command("load")
    assert_refused(ended, "FLEXPRICE_API_KEY")
    assert key.strip() not in ended.err


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_broken_file(command: Command, folder: Path, name: str) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / name).write_text('api_key = "sk_1')
    ended = command("load")
    assert_refused(ended, name, "TOML")
    assert "sk_1" not in ended.err


@pytest.mark.parametrize(
    ("line", "said"),
    [('enviroment_id = "env_1"', "did you mean environment_id?"), ("zebra = 1", "remove it.")],
)
def test_unknown_option_in_the_file(connected: Command, folder: Path, line: str, said: str) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "config.toml").write_text(f"[sources.flexprice_wallets]\n{line}\n")
    name = line.partition(" ")[0]
    assert_refused(connected("load"), name, "[sources.flexprice_wallets]", "config.toml", said)
    assert not list(folder.rglob("*.duckdb"))


def test_what_another_command_or_dlt_has_in_the_file(connected: Command, folder: Path) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "config.toml").write_text(
        '[sources.flexprice_wallets]\noutput = "report.html"\n[sources.flexprice_wallets.snapshot]\nx = 1\n'
    )
    assert connected("load").code == 0


def test_a_wrong_value_says_where_it_comes_from(
    connected: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "config.toml").write_text("[sources.flexprice_wallets]\nworkers = 0\n")
    assert_refused(connected("load"), "--workers", ".dlt/config.toml")
    monkeypatch.setenv("SOURCES__FLEXPRICE_WALLETS__WORKERS", "none")
    assert_refused(connected("load"), "--workers", "SOURCES__FLEXPRICE_WALLETS__WORKERS")
    monkeypatch.setenv("FLEXPRICE_WORKERS", "none")
    assert_refused(connected("load"), "--workers", " FLEXPRICE_WORKERS")


def test_snapshot_that_is_not_later_than_the_last(
    connected: Command, history: SmallHistory, folder: Path
) -> None:
    database = history.copy(folder)
    before = database.read_bytes()
    ended = connected("load", "--snapshot-at", "2026-03-04T05:59:59Z")
    assert_refused(ended, "--snapshot-at", "not later")
    assert database.read_bytes() == before


def test_unknown_command(command: Command) -> None:
    assert_refused(command("laod"), "laod")


def test_no_command_shows_the_help(command: Command) -> None:
    ended = command()
    assert (ended.code, "Commands:" in ended.err) == (2, True)


def test_the_demo_never_mixes_with_what_is_there(command: Command, folder: Path) -> None:
    (folder / "warehouse.duckdb").touch()
    assert_refused(command("demo", "--database", "warehouse.duckdb"), "--database")


def test_a_real_process_ends_with_the_same(tmp_path: Path) -> None:
    assert_refused(run_program(tmp_path, {}, "load"), "FLEXPRICE_API_KEY")
