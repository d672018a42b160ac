"""The findings of the view wallet_data_quality in words, each with what to do."""

from __future__ import annotations

from typing import Any, Final

from flexprice_wallets.use.report.asked import Row
from flexprice_wallets.use.report.formats import plain

#: Finding: for one, for many, and what to do.
_WORDS: Final = {
    "rate_mismatch": (
        "1 wallet's balance is not its credits times its rate",
        "{} wallets' balances are not their credits times their rates",
        "Report the amounts as stated, and ask Flexprice which of the two figures is right.",
    ),
    "breakdown_above_balance": (
        "1 wallet has more free and purchased credits than credits",
        "{} wallets have more free and purchased credits than credits",
        "Rely on the balance, not on the split, until a later load agrees.",
    ),
    "currency_changed": (
        "1 wallet changed its currency",
        "{} wallets changed their currency",
        "Check with whoever manages the wallet; amounts before and after cannot be compared.",
    ),
    "rate_changed": (
        "1 wallet's rate changed",
        "{} wallets' rates changed",
        "Check that the revaluation was meant: the same credits are now another amount.",
    ),
    "pending_disagrees": (
        "1 customer's wallets state different pending charges",
        "{} customers' wallets state different pending charges",
        "Wait for the next load: charges may have moved while the wallets were read.",
    ),
    "stale": (
        "1 wallet was not read by the last load",
        "{} wallets were not read by the last load",
        "See under Loads why not; their balances are of an earlier load.",
    ),
    "ended_with_balance": (
        "1 closed or deleted wallet holds money",
        "{} closed or deleted wallets hold money",
        "Decide whether it is refunded or written off; it is not part of what is outstanding.",
    ),
    "vanished_with_balance": (
        "1 wallet that held money is no longer known to the API",
        "{} wallets that held money are no longer known to the API",
        "Ask Flexprice what became of them; the money dropped out of what is outstanding.",
    ),
    "unreadable_settings": (
        "1 wallet's settings could not be read",
        "{} wallets' settings could not be read",
        "Thresholds or top-ups may be missing here; the balance is not affected.",
    ),
    "unrecognized_fields": (
        "1 wallet has fields that this program does not know",
        "{} wallets have fields that this program does not know",
        "Update flexprice-wallets; what the fields say is kept meanwhile.",
    ),
    "rejected": (
        "Records of 1 customer or wallet could not be taken",
        "Records of {} customers or wallets could not be taken",
        "See the view rejections for the reason; the figures known before stand until they can be taken.",
    ),
}


def worded(row: Row) -> dict[str, Any]:
    """A row of the report's question about findings as a heading and what to do."""
    name, number = row["finding"], row["findings"]
    one, many, todo = _WORDS.get(
        name, (f"{name}: 1 finding", f"{name}: {{}} findings", "Look at the view's rows.")
    )
    return {
        "finding": name,
        "found": one if number == 1 else many.format(plain(number)),
        "todo": todo,
        "first": row["first_found_at"],
        "last": row["last_found_at"],
    }
