"""Whether the books of a world close, from nothing but its truth."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

Record = dict[str, Any]
ZERO = Decimal(0)
PURCHASED = ("PURCHASED_CREDIT_INVOICED", "PURCHASED_CREDIT_DIRECT")
FREE = ("FREE_CREDIT_GRANT", "SUBSCRIPTION_CREDIT_GRANT")


def faults(truth: Record) -> list[str]:
    """Everything in which wallets and ledger of a truth disagree; empty where the books close."""
    by_wallet: defaultdict[str, list[Record]] = defaultdict(list)
    for row in truth["transactions"].values():
        by_wallet[row["wallet_id"]].append(row)
    return [
        f"{key}: {fault}"
        for key, wallet in truth["wallets"].items()
        for fault in wallet_faults(wallet, by_wallet[key])
    ]


def wallet_faults(wallet: Record, rows: list[Record]) -> list[str]:
    completed = [row for row in rows if row["transaction_status"] == "completed"]
    held = wallet["credit_balance"]
    total = sum((signed(row) for row in completed), ZERO)
    available = sum((row["credits_available"] for row in completed), ZERO)
    found = []
    if total != held:
        found.append(f"its transactions make {total}, it holds {held}")
    if available != max(held, ZERO):
        found.append(f"{available} credits are available, it holds {held}")
    found += chain_faults(completed, held)
    found += breakdown_faults(wallet, completed)
    found += [f"{row['id']}: {fault}" for row in rows for fault in row_faults(row)]
    return found


def signed(row: Record) -> Decimal:
    amount: Decimal = row["credit_amount"]
    return amount if row["type"] == "credit" else -amount


def chain_faults(completed: list[Record], held: Decimal) -> list[str]:
    """The rows must make one chain from zero, in which time never goes back."""
    left, balance, moment, found = list(completed), ZERO, None, []
    # Several rows may begin at the same balance: take the earliest, undo where that is a dead end.
    order = chain(left, balance)
    if order is None:
        return ["its completed rows make no chain"]
    for row in order:
        if moment is not None and row["completed_at"] < moment:
            found.append(f"{row['id']} was completed before the row before it")
        moment, balance = row["completed_at"], row["credit_balance_after"]
    if balance != held:
        found.append(f"its chain ends at {balance}, it holds {held}")
    return found


def chain(rows: list[Record], balance: Decimal) -> list[Record] | None:
    """Rows in the order of completion if `credit_balance_before` and `_after` make one."""
    ordered = sorted(rows, key=lambda row: row["completed_at"])
    result: list[Record] = []
    while ordered:
        instant = ordered[0]["completed_at"]
        group = [row for row in ordered if row["completed_at"] == instant]
        path = euler_path(group, balance)
        if path is None:
            return None
        result += path
        balance = path[-1]["credit_balance_after"]
        ordered = ordered[len(group) :]
    return result


def euler_path(rows: list[Record], start: Decimal) -> list[Record] | None:
    """A path through all rows of one instant, each from its balance before to its balance after."""
    edges: defaultdict[Decimal, list[Record]] = defaultdict(list)
    for row in rows:
        edges[row["credit_balance_before"]].append(row)
    stack: list[tuple[Decimal, Record | None]] = [(start, None)]
    path: list[Record] = []
    while stack:
        node, arrived_by = stack[-1]
        if edges[node]:
            row = edges[node].pop()
            stack.append((row["credit_balance_after"], row))
        else:
            stack.pop()
            if arrived_by is not None:
                path.append(arrived_by)
    path.reverse()
    joined = all(
        one["credit_balance_after"] == other["credit_balance_before"]
        for one, other in pairwise(path)
    )
    complete = len(path) == len(rows) and path[0]["credit_balance_before"] == start
    return path if complete and joined else None


def breakdown_faults(wallet: Record, completed: list[Record]) -> list[str]:
    grants = [row for row in completed if row["type"] == "credit"]
    breakdown = wallet["credits_available_breakdown"]
    if any(row["transaction_reason"] not in PURCHASED + FREE for row in grants):
        return [] if breakdown is None else ["its breakdown cannot be computed, and is there"]
    expected = {
        kind: sum(
            (row["credits_available"] for row in grants if row["transaction_reason"] in reasons),
            ZERO,
        )
        for kind, reasons in (("free", FREE), ("purchased", PURCHASED))
    }
    return [] if breakdown == expected else [f"its breakdown is {breakdown}, not {expected}"]


def row_faults(row: Record) -> list[str]:
    found = []
    is_credit = row["type"] == "credit"
    change = row["credit_balance_after"] - row["credit_balance_before"]
    rates = row["conversion_rate"], row["topup_conversion_rate"]
    if change != (signed(row) if row["transaction_status"] == "completed" else 0):
        found.append(f"its balances differ by {change}")
    if (rates[0] is None) != is_credit or (rates[1] is None) == is_credit:
        found.append(f"a {row['type']} with the rates {rates}")
    if row["amount"] != row["credit_amount"] * (rates[1] if is_credit else rates[0]):
        found.append("its amount is not its credits at its rate")
    if not ZERO <= row["credits_available"] <= (row["credit_amount"] if is_credit else 0):
        found.append(f"{row['credits_available']} of its credits are available")
    if not row["created_at"] <= row["updated_at"]:
        found.append("it was updated before it was created")
    return found
