"""`rates`: a file of exchange rates is read strictly, and what was brought stays through loads."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flexprice_wallets.errors import ExitCode, RatesError
from flexprice_wallets.use.exchange_rates import read_rates
from tests.commands.conftest import Command
from tests.small_history import SmallHistory

HEADER = "date_day,currency,reporting_currency,rate"


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "rates.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


HELD = (
    "select date_day::varchar, currency, reporting_currency, rate::varchar"
    " from flexprice_raw.exchange_rates order by all"
)


def test_rates_are_brought_and_corrected(
    command: Command, history: SmallHistory, folder: Path
) -> None:
    database = history.copy(folder)
    ended = command(
        "rates", written(folder, "2026-03-04,EUR,USD,1.08", "2026-03-03, eur ,usd,1.07")
    )
    assert (ended.code, ended.err) == (0, "")
    assert "2 rates of 1 currencies into usd" in ended.out
    # In any order of columns; another currency beside them stays.
    path = written(
        folder,
        "1.09,usd,2026-03-04,eur,ecb",
        header="rate,reporting_currency,date_day,currency,source",
    )
    assert "which holds 2 now" in command("rates", path).out
    assert rows(database, HELD) == [
        ("2026-03-03", "eur", "usd", "1.0700000000"),
        ("2026-03-04", "eur", "usd", "1.0900000000"),
    ]
    assert rows(
        database,
        "select distinct reporting_rate::varchar from flexprice.month_end"
        " where currency = 'eur' and date_day = '2026-03-04'",
    ) == [("1.0900000000",)]


def test_they_stay_through_loads_and_rebuilding(
    command: Command, history: SmallHistory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = history.copy(folder)
    assert command("rates", written(folder, "2026-03-04,eur,usd,1.08")).code == 0
    before = rows(database, HELD)
    with history.emulated() as emulator:
        monkeypatch.setenv("FLEXPRICE_API_KEY", emulator.api_key)
        monkeypatch.setenv("FLEXPRICE_BASE_URL", emulator.base_url)
        assert command("load").code == 0
    assert rows(database, HELD) == before
    assert command("views", "--rebuild").code == 0
    assert rows(database, HELD) == before


def test_another_reporting_currency_takes_the_place_of_the_first_only_where_that_is_said(
    command: Command, history: SmallHistory, folder: Path
) -> None:
    database = history.copy(folder)
    assert command("rates", written(folder, "2026-03-04,eur,usd,1.08")).code == 0
    before = database.read_bytes()
    path = written(folder, "2026-03-04,usd,eur,0.92")
    ended = command("rates", path)
    assert ended.code == ExitCode.WRONG_USE
    assert "holds rates into usd, and these are into eur" in ended.err
    assert database.read_bytes() == before
    assert command("rates", path, "--replace").code == 0
    assert rows(database, HELD) == [("2026-03-04", "usd", "eur", "0.9200000000")]


def test_a_warehouse_from_before_there_were_rates(
    command: Command, history: SmallHistory, folder: Path
) -> None:
    database = history.copy(folder)
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop schema flexprice cascade; drop table flexprice_raw.exchange_rates")
    assert command("rates", written(folder, "2026-03-04,eur,usd,1.08")).code == 0
    [(rate,)] = rows(
        database,
        "select distinct reporting_rate::varchar from flexprice.currency_balance_daily"
        " where currency = 'eur' and date_day = '2026-03-04'",
    )
    assert rate == "1.0800000000"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["2026-03-04,eur,usd,"], "line 2: '' is no rate"),
        (["2026-03-04,eur,usd,nan"], "line 2: the rate nan is not above 0"),
        (["2026-03-04,eur,usd,-1"], "line 2: the rate -1 is not above 0"),
        (["2026-03-04,eur,usd,1,1"], "line 2: the rate 1 is followed"),
        (
            ["2026-03-04,eur,usd,1.00000000001"],
            "has more than 8 digits before the point or 10 after",
        ),
        (["2026-03-04,btc,irr,100000000"], "has more than 8 digits before the point or 10 after"),
        (["04.03.2026,eur,usd,1"], "line 2: '04.03.2026' is no day"),
        (["2026-03-04,,usd,1"], "line 2: a currency is missing"),
        (["2026-03-04,usd,USD,1.1"], "line 2: usd is worth 1.1 USD, which can only be 1"),
        (
            ["2026-03-04,eur,usd,1", "2026-03-04,EUR,usd,2"],
            "line 3: eur on 2026-03-04 has a rate in line 2",
        ),
        (["2026-03-04,eur,usd,1", "2026-03-04,gbp,eur,2"], "has rates into eur, usd"),
        (['"2026-03-04'], "is no CSV file"),
        ([], "holds no rate"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    lines: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RatesError, match=r"rates\.csv") as raised:
        read_rates(written(tmp_path, *lines))
    assert said in str(raised.value)


def test_what_is_no_file_of_rates(command: Command, history: SmallHistory, folder: Path) -> None:
    before = history.copy(folder).read_bytes()
    for path, said in (
        (folder / "missing.csv", "cannot be read (No such file or directory)"),
        (
            written(folder, "1", header="rate"),
            "has no column date_day, currency, reporting_currency",
        ),
        (folder / "warehouse.duckdb", "is no CSV file in UTF-8"),
    ):
        ended = command("rates", path)
        assert (ended.code, said in ended.err) == (ExitCode.WRONG_USE, True), ended.err
    assert (folder / "warehouse.duckdb").read_bytes() == before


def test_rates_for_no_warehouse(command: Command, folder: Path) -> None:
    ended = command("rates", written(folder, "2026-03-04,eur,usd,1.08"))
    assert (ended.code, "run `flexprice-wallets load` first" in ended.err) == (
        ExitCode.FAILED,
        True,
    )
