"""Odd things that an API may say, and odd ways to call the source: each costs what is odd, and nothing else."""

from __future__ import annotations

import json
import os
import threading
import time
import tracemalloc
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexprice_emulator import Emulator, Fault, World
from flexprice_emulator.formats import nested_json
from flexprice_wallets import flexprice_source
from flexprice_wallets.errors import (
    ConfigurationError,
    ListingFailed,
    NotAWarehouse,
    WarehouseError,
)
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.secret import Secret
from tests.command_line import run_program
from tests.robustness.support import (
    FEW_RETRIES,
    QUICK_RETRIES,
    query,
    snapshot,
    value,
    wrong_values,
)


def variables(emulator: Emulator, **more: str) -> dict[str, str]:
    return {"FLEXPRICE_API_KEY": emulator.api_key, "FLEXPRICE_BASE_URL": emulator.base_url, **more}


# --- what the API says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_informational_answer_is_not_taken_for_the_real_one(
    status: int, emulator: Emulator, database: Path
) -> None:
    emulator.faults.add(Fault("informational", status=status, pause=0.01, rate=0.3))
    result = snapshot(emulator, database)
    assert result.snapshot["completeness"] == "complete"
    assert result.snapshot["api_retries"] == 0
    assert wrong_values(database, emulator.world.truth()) == []


def test_what_follows_an_answer_is_not_taken_for_the_next_one(
    emulator: Emulator, database: Path
) -> None:
    # What arrives only after the next request was sent cannot be told from its answer.
    emulator.faults.add(Fault("extra_bytes", rate=0.3, pause=0))
    assert snapshot(emulator, database).snapshot["completeness"] == "complete"
    assert wrong_values(database, emulator.world.truth()) == []


@pytest.mark.parametrize("kind", ["short_page", "larger_total"])
def test_a_listing_is_whole_or_fails(kind: Any, emulator: Emulator, database: Path) -> None:
    emulator.faults.add(Fault(kind, path="/v1/customers/search", keep=7, surplus=5))
    before = emulator.requests.total
    if kind == "short_page":
        assert snapshot(emulator, database).snapshot["customers_observed"] == len(
            emulator.world.published_customer_ids()
        )
        return
    with pytest.raises(ListingFailed, match="could not be listed completely"):
        snapshot(emulator, database)
    assert emulator.requests.total - before < 150
    assert not database.exists()


@pytest.mark.parametrize("status", [507, 508, 520, 522, 530, 598, 599])
def test_any_status_of_a_server_in_trouble_may_pass(
    status: int, emulator: Emulator, database: Path
) -> None:
    emulator.faults.add(Fault("status", status=status, path="/v1/customers/wallets", times=3))
    result = snapshot(emulator, database)
    assert result.snapshot["completeness"] == "complete"
    assert result.snapshot["api_retries"] == 3


def test_a_retry_after_that_no_calendar_has_is_ignored(emulator: Emulator, database: Path) -> None:
    for text in (
        "Fri, 31 Dec 99999999999999 23:59:59 GMT",
        "Mon, 99 Foo 2026 25:61:61 GMT",
        "soon",
    ):
        emulator.faults.add(
            Fault(
                "status", status=500, path="/v1/customers/wallets", times=1, retry_after_text=text
            )
        )
    api = {"retries": QUICK_RETRIES}
    assert snapshot(emulator, database, api).snapshot["completeness"] == "complete"


@pytest.mark.parametrize("depth", [90, 500, 3000])
def test_a_field_nested_however_deep_costs_no_load(
    depth: int, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.quirks.extra_wallet_fields = {"deep": json.loads("1")}
    wallet_id = emulator.world.listed_wallet_ids()[0]
    emulator.quirks.wallet_fields[wallet_id] = {"deep": nested_json(depth)}
    ended = run_program(tmp_path, variables(emulator), "load", "--json")
    assert ended.code == (0 if depth < 900 else 3), ended.err
    observed = json.loads(ended.out)["customers_observed"]
    assert observed >= len(emulator.world.published_customer_ids()) - 1
    if depth == 500:
        kept = value(
            tmp_path / "warehouse.duckdb",
            f"select unrecognized_fields from flexprice.wallets where wallet_id = '{wallet_id}'",
        )
        assert kept.count("[") >= 500 or kept.count("{") >= 500


def test_a_customer_whose_id_no_url_can_hold_costs_itself(
    emulator: Emulator, tmp_path: Path
) -> None:
    customers = emulator.world.published_customer_ids()
    emulator.quirks.customer_fields[customers[3]] = {"id": '"cust_\\ud800"'}
    ended = run_program(tmp_path, variables(emulator), "load", "--json")
    assert ended.code == 3, ended.err
    row = json.loads(ended.out)
    assert (row["records_rejected"], row["customers_observed"]) == (1, len(customers) - 1)


@pytest.mark.parametrize("is_compressed", [True, False])
def test_a_giant_answer_costs_its_customer_and_little_memory(
    is_compressed: bool, emulator: Emulator, database: Path
) -> None:
    customer_id = emulator.world.published_customer_ids()[0]
    fault = Fault("large", path="/v1/customers/wallets", key=customer_id, size=20 * 2**20)
    emulator.faults.add(fault)
    api = open_api(ApiOptions(Secret(emulator.api_key), emulator.base_url, retries=FEW_RETRIES))
    tracemalloc.start()
    try:
        result = snapshot(emulator, database)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        api.stop()
    assert result.snapshot["customers_failed"] == 1
    [(message, attempts)] = query(
        database, "select message, attempts from flexprice_raw.fetch_failures"
    )
    assert message == "The answer was larger than 4 MiB"
    assert attempts == 1
    assert peak < 200 * 2**20
    assert is_compressed in (True, False)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Pacific/Apia"])
def test_the_zone_of_the_process_is_in_no_hash_and_no_time(
    zone: str, emulator: Emulator, tmp_path: Path
) -> None:
    unread, zero = emulator.world.listed_wallet_ids()[:2]
    emulator.quirks.wallet_fields[zero] = {
        "created_at": '"0001-01-01T00:00:00Z"',
        "updated_at": '"0001-01-01T00:00:00Z"',
    }
    given = variables(emulator)
    assert run_program(tmp_path, given, "load").code == 0
    emulator.quirks.wallet_fields[unread] = {"created_at": '"never"'}
    for _ in range(2):
        ended = run_program(tmp_path, given | {"TZ": zone}, "load", "--json")
        assert ended.code == 3, ended.err
        assert json.loads(ended.out)["wallets_changed"] == 0
    for command in (
        ["status"],
        ["export", "exported", "--format", "parquet"],
        ["status", "--json"],
        ["views", "--rebuild"],
    ):
        ended = run_program(tmp_path, given | {"TZ": zone}, *command)
        assert ended.code == 0, ended.err
    created = value(
        tmp_path / "warehouse.duckdb",
        f"select source_created_at from flexprice.wallets where wallet_id = '{zero}'",
    )
    assert created.isoformat() == "0001-01-01T00:00:00+00:00"


# --- keys, proxies, certificates -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sk_secret\n", "sk_secret\r\nx: y", "sk secret", "sk_sécret", ""])
def test_a_key_that_no_header_can_hold_is_refused_and_never_quoted(
    key: str, emulator: Emulator, database: Path
) -> None:
    for use in (
        lambda: (
            flexprice_source(api_key=key, base_url=emulator.base_url)
            if key
            else open_api(ApiOptions(Secret(key), emulator.base_url))
        ),
        lambda: open_api(ApiOptions(Secret(key), emulator.base_url)),
    ):
        with pytest.raises(ConfigurationError, match="key has characters") as raised:
            use()
        assert "secret" not in str(raised.value)
    assert not database.exists()


@pytest.mark.parametrize(
    ("variable", "to", "said"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:9", "The proxy could not be reached"),
        ("ALL_PROXY", "socks5://127.0.0.1:9", "needs the package PySocks"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "trusted certificates cannot be used"),
    ],
)
def test_what_is_in_the_way_is_named(variable: str, to: str, said: str, tmp_path: Path) -> None:
    given = {
        "FLEXPRICE_API_KEY": "sk_1",
        "FLEXPRICE_BASE_URL": "https://billing.example/v1",
        variable: to,
    }
    ended = run_program(tmp_path, given, "check")
    assert ended.code != 0
    assert said in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert "--base-url" not in ended.err


def test_a_request_limit_holds_when_a_run_stops(emulator: Emulator) -> None:
    api = open_api(
        ApiOptions(Secret(emulator.api_key), emulator.base_url, max_requests_per_second=2)
    )
    from flexprice_wallets.extract.calls import Figures
    from flexprice_wallets.extract.selection import Selection
    from flexprice_wallets.extract.threads import ThreadFeed

    feed = ThreadFeed(api, Selection(), Figures())
    time.sleep(0.7)
    sent = emulator.requests.total
    feed.stop()
    time.sleep(0.5)
    assert emulator.requests.total <= sent + 1
    assert threading.active_count() < 100


# --- the source ----------------------------------------------------------------------------------------------------


def test_the_source_can_be_read_without_a_pipeline(emulator: Emulator) -> None:
    source = flexprice_source(api_key=emulator.api_key, base_url=emulator.base_url)
    assert sum(table.num_rows for table in source) > 40


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"snapshot_at": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001
        ({"customer_ids": "cust_1"}, "read letter by letter"),
        ({"lookup_keys": "acme"}, "read letter by letter"),
        ({"base_url": "ftp://x"}, "https?://|an address such as"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(
    options: dict[str, Any], expected: str, emulator: Emulator
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        flexprice_source(**{"api_key": "sk_1", "base_url": emulator.base_url, **options})
    assert emulator.requests.total == 0


@pytest.mark.parametrize("what", ["missing", "foreign", "folder"])
def test_a_warehouse_that_is_none_is_refused(what: str, emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    if what == "foreign":
        path.write_bytes(b"no database" * 1000)
    elif what == "folder":
        path.mkdir()
    source = flexprice_source(api_key=emulator.api_key, base_url=emulator.base_url, warehouse=path)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - dlt wraps it
        list(source)
    seen: BaseException | None = raised.value
    while seen is not None and not isinstance(seen, WarehouseError | NotAWarehouse):
        seen = seen.__cause__ or seen.__context__
    assert seen is not None
    assert os.fspath(tmp_path) in str(seen) or "other.duckdb" in str(seen)


def test_amounts_are_exact_whatever_is_odd(emulator: Emulator, database: Path) -> None:
    emulator.quirks.extra_wallet_fields = {"z": Decimal("1.50")}
    snapshot(emulator, database, {"retries": QUICK_RETRIES})
    assert wrong_values(database, World.truth(emulator.world)) == []
