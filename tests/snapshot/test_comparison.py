from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flexprice_wallets.errors import ForeignAnswer
from flexprice_wallets.extract.calls import Figures, Reply, customer_wallets, wallet
from flexprice_wallets.records.customers import parse_customer
from flexprice_wallets.records.records import Rejection
from flexprice_wallets.records.wallets import parse_wallet
from tests.records import example_records
from tests.snapshot.records import (
    CUSTOMER_ID,
    FIRST,
    WALLET_ID,
    Observer,
    failed,
    listed,
    raw_wallet,
    settled_only,
)

FIGURE_TABLES = {"wallet_balances", "wallet_real_time_balances", "wallet_credits_available"}


@pytest.fixture
def observer() -> Observer:
    """One that has taken the example wallet once."""
    observer = Observer()
    observer.take(raw_wallet())
    return observer


def test_everything_of_a_new_wallet_is_written(observer: Observer) -> None:
    assert observer.written == {
        "wallets": 1,
        "wallet_alert_thresholds": 3,
        "wallet_auto_topups": 1,
        "wallet_allowed_price_types": 1,
        "wallet_metadata": 2,
        "wallet_balances": 1,
        "wallet_real_time_balances": 1,
        "wallet_credits_available": 2,
    }
    tally = observer.comparison.tally
    assert (tally.wallets_observed, tally.wallets_changed, tally.wallets_new) == (1, 1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"updated_at": "2026-08-21T00:00:00Z"},
        {"balance_updated_at": "2026-08-21T00:00:00Z"},
        {"updated_by": "somebody else"},
        {"is_cached_fallback": False},
        {"balance": "90.0000000010"},
        {"conversion_rate": Decimal(1)},
        {"metadata": {"plan": "gold", "region": "eu-west-1"}},
        {"config": {"allowed_price_types": ["ALL", "ALL"]}},
        {"current_period_usage": None},
        {"unpaid_invoices_amount": None},
    ],
    ids=str,
)
def test_what_makes_no_difference_writes_nothing(
    observer: Observer, changes: dict[str, Any]
) -> None:
    observer.take_again(raw_wallet(**changes))
    assert observer.written == {}
    assert observer.comparison.tally.wallets_changed == 0
    assert observer.comparison.tally.wallets_observed == 1


@pytest.mark.parametrize(
    ("changes", "tables"),
    [
        ({"balance": "90.000000002"}, {"wallet_balances", "wallet_real_time_balances"}),
        ({"credit_balance": "91"}, {"wallet_balances"}),
        ({"conversion_rate": "2"}, {"wallets", "wallet_balances"}),
        ({"real_time_balance": "-10.1234567890123457"}, {"wallet_real_time_balances"}),
        ({"unpaid_invoices_amount": "0.1"}, {"wallet_real_time_balances"}),
        ({"credits_available_breakdown": {"free": "1"}}, {"wallet_credits_available"}),
        ({"name": "Another"}, {"wallets"}),
        ({"metadata": {}}, {"wallets"}),
        ({"alert_state": "ok"}, {"wallets"}),
        ({"config": {"allowed_price_types": ["USAGE"]}}, {"wallets"}),
        ({"colour": "blue"}, {"wallets"}),
        ({"currency": "usd"}, {"wallets", *FIGURE_TABLES}),
    ],
    ids=lambda given: " ".join(sorted(given)),
)
def test_a_difference_writes_the_versions_that_differ(
    observer: Observer, changes: dict[str, Any], tables: set[str]
) -> None:
    observer.take_again(raw_wallet(**changes))
    versions = {"wallets", *FIGURE_TABLES}
    assert set(observer.written) & versions == tables
    assert observer.comparison.tally.wallets_changed == 1


def test_a_breakdown_is_always_written_whole(observer: Observer) -> None:
    kinds = {"free": "0", "purchased": "0", "lent": "2"}
    observer.take_again(raw_wallet(credits_available_breakdown=kinds))
    rows = observer.rows["wallet_credits_available"]
    assert {row["credit_type"] for row in rows} == set(kinds)


def test_figures_that_were_not_asked_for_write_nothing(observer: Observer) -> None:
    observer.begin(Figures(False, False))
    observer.take(settled_only())
    assert observer.written == {}
    observer.take_again(raw_wallet())
    assert observer.written == {}


def test_figures_that_were_asked_for_and_left_out_are_noted_once(observer: Observer) -> None:
    without = raw_wallet(credits_available_breakdown=None)
    observer.take_again(without)
    assert observer.written == {"wallet_figures_given": 1}
    (row,) = observer.rows["wallet_figures_given"]
    assert (row["is_real_time_balance_given"], row["is_credits_available_given"]) == (True, False)
    observer.take_again(without)
    assert observer.written == {}
    observer.take_again(raw_wallet())
    assert observer.written == {"wallet_figures_given": 1}


def test_a_usage_that_comes_for_the_first_time_is_a_difference() -> None:
    observer = Observer()
    observer.take(raw_wallet(current_period_usage=None))
    observer.take_again(raw_wallet())
    assert observer.written == {"wallet_real_time_balances": 1}


def test_a_wallet_that_moved_is_written_anew(observer: Observer) -> None:
    observer.begin()
    observer.take()
    observer.take(raw_wallet(customer_id="cust_other"), customer_id="cust_other")
    assert set(observer.written) > FIGURE_TABLES
    assert observer.comparison.wallets_to_follow() == []


# --- wallets that vanish -------------------------------------------------------------------------------------------


def test_an_unlisted_wallet_is_followed_until_it_has_ended(observer: Observer) -> None:
    observer.take_again()
    assert observer.comparison.wallets_to_follow() == [(WALLET_ID, CUSTOMER_ID)]
    assert observer.comparison.lost_from_lists([(WALLET_ID, CUSTOMER_ID)]) == 1
    observer.follow(settled_only(wallet_status="frozen"))
    assert set(observer.written) & {"wallets", *FIGURE_TABLES} == {"wallets"}
    (row,) = observer.rows["wallets"]
    assert (row["is_listed"], row["ended"]) == (False, None)

    observer.take_again()
    assert observer.comparison.wallets_to_follow() == [(WALLET_ID, CUSTOMER_ID)]
    assert observer.comparison.lost_from_lists([(WALLET_ID, CUSTOMER_ID)]) == 0
    observer.follow(settled_only(wallet_status="closed", balance="0", credit_balance="0"))
    assert observer.written["wallet_balances"] == 1
    assert observer.rows["wallets"][0]["ended"] == "closed"
    assert observer.comparison.tally.newly_ended == 1

    observer.take_again()
    assert observer.comparison.wallets_to_follow() == []


def test_a_deleted_wallet_has_ended_whatever_its_wallet_status_says(observer: Observer) -> None:
    observer.take_again()
    observer.follow(settled_only(status="deleted", wallet_status="closed"))
    assert observer.rows["wallets"][0]["ended"] == "deleted"


def test_a_wallet_that_is_not_found_has_ended(observer: Observer) -> None:
    observer.take_again()
    call = wallet(WALLET_ID, CUSTOMER_ID)
    observer.comparison.take_followed_wallet(Reply(call, FIRST, 1, is_missing=True))
    (carried,) = observer.comparison.carried
    assert (carried.ended, carried.settings) == ("not_found", None)
    assert observer.comparison.tally.wallets_observed == 1
    assert observer.written == {}


def test_a_wallet_that_returns_is_written_anew(observer: Observer) -> None:
    observer.take_again()
    observer.follow(settled_only(wallet_status="closed"))
    observer.take_again(raw_wallet())
    assert {"wallets", *FIGURE_TABLES} <= set(observer.written)
    assert observer.known.wallets[WALLET_ID].ended is None


def test_a_followed_wallet_that_could_not_be_read_stays_as_it_is(observer: Observer) -> None:
    observer.take_again()
    call = wallet(WALLET_ID, CUSTOMER_ID)
    failure = failed(CUSTOMER_ID).failure
    observer.comparison.take_followed_wallet(Reply(call, FIRST, 3, failure=failure))
    assert observer.written == {"fetch_failures": 1}
    assert observer.comparison.tally.completeness == "partial"
    assert observer.known.wallets[WALLET_ID].ended is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (settled_only(id="wallet_other"), "asked for wallet"),
        (settled_only(currency=None), "currency"),
        ("no object", "not an object"),
    ],
    ids=["another wallet", "unreadable", "no object"],
)
def test_a_wrong_answer_for_a_followed_wallet_is_rejected(
    observer: Observer, record: Any, reason: str
) -> None:
    observer.take_again()
    observer.follow(record)
    assert observer.written == {"rejected_records": 1}
    assert reason in observer.reasons[0]
    assert observer.rows["rejected_records"][0]["wallet_id"] == WALLET_ID


# --- customers that could not be read ------------------------------------------------------------------------------


def test_nothing_happens_to_the_wallets_of_a_customer_that_could_not_be_read(
    observer: Observer,
) -> None:
    observer.begin()
    observer.comparison.take_customer_wallets(failed(CUSTOMER_ID))
    assert observer.comparison.wallets_to_follow() == []
    assert observer.written == {"fetch_failures": 1}
    tally = observer.comparison.tally
    assert (tally.customers_failed, tally.wallets_observed) == (1, 0)
    assert tally.completeness == "partial"


def test_a_customer_that_is_not_known_to_the_api_could_not_be_read(observer: Observer) -> None:
    observer.begin()
    call = customer_wallets(CUSTOMER_ID, Figures())
    observer.comparison.take_customer_wallets(Reply(call, FIRST, 1, is_missing=True))
    assert observer.rows["fetch_failures"][0]["http_status"] == 404
    assert observer.comparison.wallets_to_follow() == []


def test_a_nameless_record_keeps_the_customers_other_wallets_from_being_followed(
    observer: Observer,
) -> None:
    observer.take(raw_wallet(id="wallet_sibling"))
    observer.take_again(raw_wallet(id=None), raw_wallet(id="wallet_sibling"))
    assert observer.written == {"rejected_records": 1}
    assert observer.comparison.wallets_to_follow() == []
    # The record could be the sibling's: nobody can tell that it was observed.
    assert observer.comparison.tally.wallets_observed == 0


def test_a_rejected_record_keeps_its_wallet_from_being_followed(observer: Observer) -> None:
    observer.take_again(raw_wallet(currency=None))
    assert observer.written == {"rejected_records": 1}
    assert observer.comparison.wallets_to_follow() == []
    assert observer.comparison.tally.wallets_observed == 0


def test_a_wallet_that_one_answer_names_twice_is_rejected_both_times(observer: Observer) -> None:
    observer.take_again(raw_wallet(), raw_wallet(balance="1"))
    assert observer.written == {"rejected_records": 2}
    assert all("twice" in reason for reason in observer.reasons)


def test_a_wallet_that_two_customers_list_is_taken_once() -> None:
    observer = Observer()
    observer.take(raw_wallet())
    observer.take(raw_wallet(customer_id="cust_other"), customer_id="cust_other")
    assert observer.written["wallets"] == 1
    assert "already read" in observer.reasons[0]


def test_a_wallet_of_another_customer_is_rejected() -> None:
    observer = Observer()
    observer.take(raw_wallet(customer_id="cust_other"))
    assert observer.written == {"rejected_records": 1}


def test_a_bad_real_time_figure_does_not_cost_the_settled_balance(observer: Observer) -> None:
    observer.take_again(raw_wallet(balance="91", real_time_balance="much"))
    assert observer.written == {"wallet_balances": 1, "rejected_records": 1}
    assert observer.comparison.tally.wallets_observed == 0


def test_unreadable_settings_wait_for_the_last_known_ones(observer: Observer) -> None:
    observer.take_again(raw_wallet(metadata="none"))
    assert observer.written == {"rejected_records": 1}
    (carried,) = observer.comparison.carried
    assert carried.settings is not None
    assert carried.settings.unreadable_fields == ("metadata",)


@pytest.mark.parametrize("changes", [{"balance": "1", "name": "New"}, {"name": "New"}], ids=str)
def test_a_carried_wallet_counts_as_changed_once(
    observer: Observer, changes: dict[str, Any]
) -> None:
    last = parse_wallet(raw_wallet(), asked_customer_id=None)
    assert not isinstance(last, Rejection)
    observer.take_again(raw_wallet(metadata="none", **changes))
    (carried,) = observer.comparison.carried
    observer.comparison.take_carried_wallet(carried, last.settings)
    assert observer.written["wallets"] == 1
    assert observer.comparison.tally.wallets_changed == 1


# --- rejections are written once ------------------------------------------------------------------------------------


def test_a_rejection_is_written_once_and_once_more_when_it_is_over(observer: Observer) -> None:
    for number in range(3):
        observer.take_again(raw_wallet(metadata="none", balance=str(number)))
        observer.comparison.clear_rejections()
        assert observer.written["rejected_records"] == (number == 0)
        assert observer.written["rejections_cleared"] == 0
        assert observer.comparison.tally.records_rejected == 1
    observer.take_again(raw_wallet())
    observer.comparison.clear_rejections()
    assert observer.written["rejections_cleared"] == 1
    observer.take_again(raw_wallet(metadata="none"))
    assert observer.written["rejected_records"] == 1


def test_another_fault_is_another_rejection(observer: Observer) -> None:
    observer.take_again(raw_wallet(currency=None))
    observer.comparison.clear_rejections()
    # Nothing else tells of a record that was rejected as a whole, so every digit of it counts.
    observer.take_again(raw_wallet(currency=None, balance="1"))
    observer.comparison.clear_rejections()
    assert observer.written == {"rejected_records": 1, "rejections_cleared": 1}


def test_a_rejection_holds_while_its_customer_cannot_be_read(observer: Observer) -> None:
    observer.take_again(raw_wallet(metadata="none"))
    observer.begin()
    observer.comparison.take_customer_wallets(failed(CUSTOMER_ID))
    observer.comparison.clear_rejections()
    assert observer.written == {"fetch_failures": 1}
    observer.begin(covered={"cust_other"})
    observer.take(customer_id="cust_other")
    observer.comparison.clear_rejections()
    assert observer.written == {}


# --- whom a run covers ---------------------------------------------------------------------------------------------


def test_a_selected_run_leaves_other_customers_wallets_alone(observer: Observer) -> None:
    observer.begin(covered={"cust_other"})
    observer.take(customer_id="cust_other")
    assert observer.comparison.wallets_to_follow() == []
    assert observer.comparison.wallets_known_before() == 0


def test_a_wallet_that_moved_to_a_customer_that_was_not_read_is_rejected(
    observer: Observer,
) -> None:
    observer.begin(covered={CUSTOMER_ID})
    observer.take()
    observer.follow(settled_only(customer_id="cust_other"))
    assert "whose wallets this run did not read" in observer.reasons[0]
    assert observer.known.wallets[WALLET_ID].customer_id == CUSTOMER_ID


def test_a_customer_named_by_lookup_key_is_covered_once_a_wallet_says_who_it_is() -> None:
    observer = Observer()
    observer.begin(covered=set())
    call = customer_wallets(CUSTOMER_ID, Figures())
    nameless = Reply(
        type(call)(call.resource, "key", call.target), FIRST, 1, records=[raw_wallet()]
    )
    observer.comparison.take_customer_wallets(nameless)
    assert observer.comparison.covered == {CUSTOMER_ID}


# --- customers -----------------------------------------------------------------------------------------------------


def raw_customer(**changes: Any) -> dict[str, Any]:
    return {**example_records.customer("2026-08"), **changes}


def test_a_customer_is_written_where_it_differs(observer: Observer) -> None:
    comparison = observer.comparison
    assert comparison.take_listed_customer(raw_customer(), FIRST) == CUSTOMER_ID
    assert observer.written["customers"] == 1
    observer.begin()
    observer.comparison.take_listed_customer(raw_customer(updated_by="x"), FIRST)
    assert observer.written["customers"] == 0
    observer.comparison.take_listed_customer(raw_customer(name="Renamed"), FIRST)
    assert observer.written["customers"] == 1


def test_a_customer_that_left_the_list_is_gone_only_where_it_is_covered(
    observer: Observer,
) -> None:
    observer.comparison.take_listed_customer(raw_customer(), FIRST)
    observer.begin()
    assert observer.comparison.customers_gone() == [CUSTOMER_ID]
    observer.begin(covered={"cust_other"})
    assert observer.comparison.customers_gone() == []
    observer.begin()
    record = parse_customer(raw_customer())
    assert not isinstance(record, Rejection)
    observer.comparison.take_customer(record, FIRST, is_listed=False)
    assert observer.rows["customers"][0]["is_listed"] is False
    observer.begin()
    assert observer.comparison.customers_gone() == []


def test_an_unreadable_customer_is_still_in_the_list(observer: Observer) -> None:
    observer.comparison.take_listed_customer(raw_customer(), FIRST)
    observer.begin()
    assert observer.comparison.take_listed_customer(raw_customer(name=True), FIRST) == CUSTOMER_ID
    assert observer.written == {"rejected_records": 1}
    assert observer.comparison.customers_gone() == []


@pytest.mark.parametrize("field", ["tenant_id", "environment_id"])
def test_records_of_somebody_else_end_the_run(observer: Observer, field: str) -> None:
    observer.begin()
    with pytest.raises(ForeignAnswer):
        observer.comparison.take_listed_customer(raw_customer(**{field: "other"}), FIRST)
    observer.begin()
    observer.comparison.take_customer_wallets(listed(CUSTOMER_ID, raw_wallet()))
    with pytest.raises(ForeignAnswer):
        observer.take(raw_wallet(id="wallet_new", **{field: "other"}))
