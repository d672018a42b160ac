"""What the views of the ledger must say, from the truth of the transactions that the loads have read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tests.emulator.books import chain, signed
from tests.history.comparison import Warehouse
from tests.history.observed import Record
from tests.history.oracle import Oracle

_INSTANT = timedelta(microseconds=1)
_ZERO = Decimal(0)
LINES = ("purchased", "granted", "refunded", "adjusted", "used", "expired", "terminated", "other")
FLOWS = (*LINES, "revaluation")


def books_faults(warehouse: Warehouse, oracle: Oracle) -> list[str]:
    """Everything in which the views of the ledger are not what they must be."""
    ledgers = completed_by_wallet(oracle.ledger.known)
    # Of a wallet with a transaction that could not be read, the books do not close, and should not.
    whole = {
        key: rows
        for key, rows in ledgers.items()
        if key not in unread_wallets(oracle) and chain(rows, _ZERO) is not None
    }
    told = _by_wallet(warehouse.view("wallet_transactions"))
    months = warehouse.view("wallet_roll_forward")
    faults = [
        *_order_faults(whole, told),
        *_time_faults(oracle.ledger.known, told),
        *_history_faults(whole, told, _by_wallet(warehouse.view("wallet_ledger_history"))),
        *_as_of_faults(warehouse, oracle),
        *_month_faults(whole, _by_wallet(months)),
        *_currency_faults(months, warehouse.view("currency_roll_forward")),
        *_grant_faults(whole, _by_wallet(warehouse.view("credit_grants"))),
        *_reconciliation_faults(oracle, whole, warehouse.view("ledger_reconciliation")),
        *_split_faults(oracle, whole, warehouse),
    ]
    return faults[:12]


def unread_wallets(oracle: Oracle) -> set[str]:
    """Wallets of which a transaction was rejected, as it is or as it was read last."""
    transactions = oracle.snapshots[-1].truth["transactions"]
    return {transactions[key]["wallet_id"] for key in oracle.ledger.rejected}


def completed_by_wallet(known: Mapping[str, Record]) -> dict[str, list[Record]]:
    """The completed transactions of each wallet."""
    found = defaultdict(list)
    for row in known.values():
        if row["transaction_status"] == "completed":
            found[row["wallet_id"]].append(row)
    return dict(found)


def _by_wallet(rows: list[Record]) -> dict[str, list[Record]]:
    found = defaultdict(list)
    for row in rows:
        found[row["wallet_id"]].append(row)
    return found


def _placed(rows: list[Record]) -> list[Record]:
    placed = [row for row in rows if row["ledger_position"] is not None]
    return sorted(placed, key=lambda row: row["ledger_position"])


def _order_faults(
    whole: Mapping[str, list[Record]], told: Mapping[str, list[Record]]
) -> Iterator[str]:
    for wallet_id, rows in whole.items():
        placed = _placed(told[wallet_id])
        if len(placed) != len(rows):
            yield f"{wallet_id}: {len(placed)} transactions have a place, {len(rows)} are completed"
        for before, after in pairwise(placed):
            if before["credit_balance_after"] != after["credit_balance_before"]:
                yield f"{wallet_id}: {after['transaction_id']} does not follow {before['transaction_id']}"
            if before["completed_at"] > after["completed_at"]:
                yield f"{wallet_id}: {after['transaction_id']} was completed before the one before it"
        if any(row["missing_credits"] for row in placed):
            yield f"{wallet_id}: something is said to be missing"


def _time_faults(known: Mapping[str, Record], told: Mapping[str, list[Record]]) -> Iterator[str]:
    for rows in told.values():
        for row in rows:
            truth = known[row["transaction_id"]]
            low, high, at = row["completed_after"], row["completed_at"], truth["completed_at"]
            if truth["transaction_status"] != "completed":
                if (low, high, row["credit_delta"]) != (None, None, 0):
                    yield f"{row['transaction_id']} is not completed, and counts"
            elif not low <= at <= high:
                yield f"{row['transaction_id']} was completed at {at}, not from {low} to {high}"
            elif row["is_completed_at_exact"] and low != high:
                yield f"{row['transaction_id']} was completed exactly between {low} and {high}"
            elif row["credit_delta"] != signed(truth):
                yield f"{row['transaction_id']} counts as {row['credit_delta']}"


def held_at(rows: list[Record], moment: datetime) -> Decimal:
    """What the transactions of a wallet make at a moment."""
    return sum((signed(row) for row in rows if row["completed_at"] <= moment), _ZERO)


def _history_faults(
    whole: Mapping[str, list[Record]],
    told: Mapping[str, list[Record]],
    history: Mapping[str, list[Record]],
) -> Iterator[str]:
    for wallet_id, rows in whole.items():
        unsure = [
            (row["completed_after"], row["completed_at"])
            for row in _placed(told[wallet_id])
            if row["completed_after"] < row["completed_at"]
        ]
        for moment in {at for row in rows for at in _around(row["completed_at"])}:
            if any(low <= moment < high for low, high in unsure):
                continue
            holding = [
                each["credit_balance"]
                for each in history[wallet_id]
                if each["valid_from"] <= moment
                and (each["valid_to"] is None or moment < each["valid_to"])
            ]
            wanted = held_at(rows, moment)
            if holding != [wanted] and not (wanted == 0 and not holding):
                yield f"{wallet_id} held {holding} at {moment}, expected {wanted}"


def _around(moment: datetime) -> tuple[datetime, datetime]:
    return moment - _INSTANT, moment


def _as_of_faults(warehouse: Warehouse, oracle: Oracle) -> Iterator[str]:
    """The macro says what the history says."""
    for moment in [
        oracle.snapshots[0].at - timedelta(days=3),
        *(s.at for s in oracle.snapshots[-2:]),
    ]:
        query = (
            "select count(*) as n from (select wallet_id, credit_balance, balance from flexprice.wallet_ledger_as_of"
            "({0}) except select wallet_id, credit_balance, balance from flexprice.wallet_ledger_history where "
            "valid_from <= {0} and coalesce(valid_to, timestamptz '9999-01-01') > {0})"
        ).format(f"timestamptz '{moment.isoformat()}'")
        if warehouse.query(query)[0]["n"]:
            yield f"wallet_ledger_as_of({moment}) is not what the history says"


def _month_faults(
    whole: Mapping[str, list[Record]], months: Mapping[str, list[Record]]
) -> Iterator[str]:
    for wallet_id, rows in months.items():
        for row in rows:
            for unit in ("credits", "amount"):
                moved = sum((row[f"{line}_{unit}"] for line in FLOWS), row[f"opening_{unit}"])
                if moved != row[f"closing_{unit}"] + row[f"unexplained_{unit}"]:
                    yield f"{wallet_id}: the {unit} of {row['month']} do not close: {row}"
                if wallet_id in whole and row[f"unexplained_{unit}"]:
                    yield f"{wallet_id}: {unit} of {row['month']} are unexplained: {row}"
    for wallet_id, truth in whole.items():
        rows = months[wallet_id]
        last = max(row["month"] for row in rows)
        closing = sum((row["closing_credits"] for row in rows if row["month"] == last), _ZERO)
        if closing != held_at(truth, datetime.max.replace(tzinfo=UTC)):
            yield f"{wallet_id}: the books close with {closing}"
        for line, wanted in _totals(truth).items():
            total = sum((row[f"{line}_credits"] for row in rows), _ZERO)
            if total != wanted:
                yield f"{wallet_id}: {line} is {total}, expected {wanted}"


_MOVEMENTS = {
    "PURCHASED_CREDIT_INVOICED": "purchased",
    "PURCHASED_CREDIT_DIRECT": "purchased",
    "FREE_CREDIT_GRANT": "granted",
    "SUBSCRIPTION_CREDIT_GRANT": "granted",
    "PURCHASED_CREDIT_BONUS": "granted",
    "CREDIT_NOTE": "refunded",
    "INVOICE_VOID_REFUND": "refunded",
    "CREDIT_ADJUSTMENT": "adjusted",
    "INVOICE_PAYMENT": "used",
    "MANUAL_BALANCE_DEBIT": "used",
    "CREDIT_EXPIRED": "expired",
    "WALLET_TERMINATION": "terminated",
}


def _totals(truth: list[Record]) -> dict[str, Decimal]:
    totals = dict.fromkeys(LINES, _ZERO)
    for row in truth:
        totals[_MOVEMENTS.get(row["transaction_reason"], "other")] += signed(row)
    return totals


def _currency_faults(wallets: list[Record], currencies: list[Record]) -> Iterator[str]:
    """A currency's books are the sum of its wallets'."""
    columns = [
        f"{name}_{unit}"
        for unit in ("credits", "amount")
        for name in ("opening", *FLOWS, "closing", "unexplained")
    ]
    sums: defaultdict[tuple[object, object], dict[str, Decimal]] = defaultdict(
        lambda: dict.fromkeys([*columns, "closing_ended_amount", "closing_ended_credits"], _ZERO)
    )
    for row in wallets:
        total = sums[row["currency"], row["month"]]
        for column in columns:
            total[column] += row[column]
        for unit in ("amount", "credits"):
            total[f"closing_ended_{unit}"] += row[f"closing_{unit}"] if row["is_closed"] else 0
    found = {(row["currency"], row["month"]): row for row in currencies}
    if found.keys() != sums.keys():
        yield f"currency_roll_forward has {found.keys()}, expected {sums.keys()}"
    for key in found.keys() & sums.keys():
        for column, wanted in sums[key].items():
            if found[key][column] != wanted:
                yield f"{key}: {column} is {found[key][column]}, the wallets make {wanted}"


def _grant_faults(
    whole: Mapping[str, list[Record]], grants: Mapping[str, list[Record]]
) -> Iterator[str]:
    for wallet_id, rows in whole.items():
        for grant in grants[wallet_id]:
            expired = sum(
                row["credit_amount"]
                for row in rows
                if row["transaction_reason"] == "CREDIT_EXPIRED"
                and row["metadata"]["expired_transaction_id"] == grant["transaction_id"]
            )
            parts = grant["used_credits"] + grant["expired_credits"] + grant["available_credits"]
            if grant["expired_credits"] != expired or parts != grant["granted_credits"]:
                yield f"{wallet_id}: the grant {grant} does not add up, expired are {expired}"
        held = held_at(rows, datetime.max.replace(tzinfo=UTC))
        available = sum((grant["available_credits"] for grant in grants[wallet_id]), _ZERO)
        if available != max(held, _ZERO):
            yield f"{wallet_id}: {available} credits are available of {held}"


def _reconciliation_faults(
    oracle: Oracle, whole: Mapping[str, list[Record]], rows: list[Record]
) -> Iterator[str]:
    last = oracle.snapshots[-1]
    is_read = oracle.ledger.rows[-1]["ledger"] == "complete" and last.named is None
    known = {row["wallet_id"] for row in oracle.ledger.known.values()}
    broken = unread_wallets(oracle) | (known - whole.keys())
    for row in rows:
        wallet_id, state = row["wallet_id"], row["state"]
        if state == "differs" and wallet_id not in broken and row["finding"] is not None:
            yield f"{wallet_id} differs: {row}"
        if is_read and wallet_id not in broken and state != "reconciled":
            yield f"{wallet_id} does not reconcile: {row}"


def _split_faults(
    oracle: Oracle, whole: Mapping[str, list[Record]], warehouse: Warehouse
) -> Iterator[str]:
    """Of what is outstanding, the ledger's split says how much was bought and given."""
    days = warehouse.view("currency_balance_daily")
    for row in days:
        parts = [row[f"ledger_{kind}_balance"] for kind in ("purchased", "free", "other")]
        if None in parts:
            continue
        if sum(parts) != row["outstanding_balance"] or min(parts) < 0:
            yield f"{row['currency']} on {row['date_day']}: {parts} are not {row['outstanding_balance']}"
    by_day = {(row["currency"], row["date_day"]): row for row in days}
    for row in warehouse.view("month_end"):
        day = by_day[row["currency"], row["date_day"]]
        for kind in ("purchased", "free", "other"):
            shown, told = row[f"{kind}_balance"], day[f"ledger_{kind}_balance"]
            if row["split_source"] == "ledger" and (shown is None or shown != told):
                yield f"{kind} in {row['currency']} at the end of {row['month']} is {shown}, not {told}"
    wallets = [
        row
        for row in warehouse.view("wallets")
        if row["ended"] is None and row["balance"] is not None and row["balance"] > 0
    ]
    if oracle.ledger.rows[-1]["ledger"] != "complete" or any(
        row["wallet_id"] not in whole
        or held_at(whole[row["wallet_id"]], datetime.max.replace(tzinfo=UTC))
        != row["credit_balance"]
        for row in wallets
    ):
        return
    for row in days:
        if row["date_day"] != oracle.snapshots[-1].day:
            continue
        for kind in ("purchased", "free"):
            wanted = sum(
                (
                    grant["credits_available"] * wallet["conversion_rate"]
                    for wallet in wallets
                    if wallet["currency"] == row["currency"]
                    for grant in whole[wallet["wallet_id"]]
                    if grant["transaction_reason"] in _ORIGINS[kind]
                ),
                _ZERO,
            )
            if abs(row[f"ledger_{kind}_balance"] - wanted) > Decimal("1e-6"):
                yield f"{kind} in {row['currency']} is {row[f'ledger_{kind}_balance']}, expected {wanted}"


_ORIGINS = {
    "purchased": {"PURCHASED_CREDIT_INVOICED", "PURCHASED_CREDIT_DIRECT"},
    "free": {"FREE_CREDIT_GRANT", "SUBSCRIPTION_CREDIT_GRANT", "PURCHASED_CREDIT_BONUS"},
}
