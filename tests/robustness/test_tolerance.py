"""Answers that cannot be meant for this warehouse, and options that change from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets.errors import ExitCode, ForeignAnswer, TooManyVanished
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from tests.robustness.support import (
    leftovers,
    query,
    snapshot,
    snapshot_count,
    version_rows,
    wrong_values,
)

SETTLED_ONLY = Figures(real_time_balance=False, credits_available_breakdown=False)
WITHOUT_BREAKDOWN = Figures(real_time_balance=True, credits_available_breakdown=False)


def test_figures_not_asked_for_are_no_change(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    before = version_rows(database)
    for figures in (SETTLED_ONLY, WITHOUT_BREAKDOWN, Figures(), SETTLED_ONLY, Figures()):
        result = snapshot(emulator, database, figures=figures)
        assert result.snapshot["wallets_changed"] == 0
    assert version_rows(database) == before
    assert wrong_values(database, emulator.world.truth()) == []


def test_a_warehouse_begun_without_figures_takes_them_once(
    emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database, figures=SETTLED_ONLY)
    before = version_rows(database)
    assert before["wallet_real_time_balances"] == before["wallet_credits_available"] == 0
    for _ in range(2):
        snapshot(emulator, database)
    after = version_rows(database)
    assert after["wallet_real_time_balances"] == before["wallet_balances"]
    assert after["wallet_balances"] == before["wallet_balances"]
    assert after["wallets"] == before["wallets"]
    assert wrong_values(database, emulator.world.truth()) == []


def test_a_breakdown_that_the_server_leaves_out_is_no_change(
    emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    before = version_rows(database)
    changes = "select count(*) from flexprice.wallet_balance_changes"
    emulator.quirks.omit_breakdown_rate = 1.0
    snapshot(emulator, database)
    emulator.quirks.omit_breakdown_rate = 0.0
    snapshot(emulator, database)
    after = version_rows(database)
    # That the server gave none is noted, and that is all.
    given = {"wallet_figures_given"}
    assert {name: after[name] for name in after.keys() - given} == {
        name: before[name] for name in before.keys() - given
    }
    assert query(database, changes) == [(0,)]
    assert wrong_values(database, emulator.world.truth()) == []


@pytest.mark.parametrize("foreign", ["tenant_id", "environment_id"])
@pytest.mark.parametrize("where", ["everywhere", "one wallet", "one customer"])
def test_answers_of_another_tenant_or_environment_are_refused(
    foreign: str, where: str, emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()
    wallet_id = emulator.world.listed_wallet_ids()[3]
    if where == "one wallet":
        emulator.quirks.wallet_fields[wallet_id] = {foreign: '"another"'}
    elif where == "one customer":
        customer_id = emulator.world.published_customer_ids()[2]
        emulator.quirks.customer_fields[customer_id] = {foreign: '"another"'}
    if where == "everywhere":
        other = World(40, seed=6)
        setattr(other, foreign, "another")
        with Emulator(world=other) as elsewhere, pytest.raises(ForeignAnswer, match="another"):
            snapshot(elsewhere, database)
    else:
        with pytest.raises(ForeignAnswer, match="another") as raised:
            snapshot(emulator, database)
        assert raised.value.exit_code is ExitCode.FAILED
    assert database.read_bytes() == before
    assert leftovers(database) == set()


def test_a_first_load_of_two_tenants_at_once_is_refused(emulator: Emulator, database: Path) -> None:
    emulator.quirks.wallet_fields[emulator.world.listed_wallet_ids()[-1]] = {
        "tenant_id": '"another"'
    }
    with pytest.raises(ForeignAnswer):
        snapshot(emulator, database)
    assert not database.exists()


HOWS = ("closed", "frozen", "gone from the lists", "gone with their customers")


@pytest.mark.parametrize("how", HOWS)
def test_too_many_wallets_vanished(how: str, emulator: Emulator, database: Path) -> None:
    world = emulator.world
    snapshot(emulator, database)
    before = database.read_bytes()
    wallets = world.listed_wallet_ids()
    vanishing = wallets[: len(wallets) // 5 + 11]
    if how == "closed":
        for wallet_id in vanishing:
            world.close(wallet_id)
    elif how == "frozen":
        for wallet_id in vanishing:
            world.freeze(wallet_id)
    elif how == "gone from the lists":
        for wallet_id in vanishing:
            world.hard_delete(wallet_id)
    else:
        for customer_id in world.published_customer_ids()[:20]:
            for wallet in world.wallets_of(customer_id):
                if wallet.is_listed:
                    world.soft_delete(wallet.id)
            world.archive_customer(customer_id, force=True)
    with pytest.raises(TooManyVanished, match=r"\d+ of \d+ wallets .*--max-vanished") as raised:
        snapshot(emulator, database)
    assert raised.value.exit_code is ExitCode.FAILED
    assert database.read_bytes() == before
    result = snapshot(emulator, database, limits=Limits(vanished=Tolerance.parse("100%")))
    assert result.exit_code is ExitCode.COMPLETE
    assert snapshot_count(database) == 2


@pytest.mark.parametrize(
    ("text", "vanishing", "is_refused"),
    [("20%", 10, False), ("4", 4, False), ("4", 5, True), ("0", 1, True), ("0", 0, False)],
)
def test_max_vanished(
    text: str, vanishing: int, is_refused: bool, emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    for wallet_id in emulator.world.listed_wallet_ids()[:vanishing]:
        emulator.world.close(wallet_id)
    limits = Limits(vanished=Tolerance.parse(text))
    if is_refused:
        with pytest.raises(TooManyVanished):
            snapshot(emulator, database, limits=limits)
        assert snapshot_count(database) == 1
    else:
        assert snapshot(emulator, database, limits=limits).exit_code is ExitCode.COMPLETE
        # What has ended once does not count again.
        assert snapshot(emulator, database, limits=limits).exit_code is ExitCode.COMPLETE
