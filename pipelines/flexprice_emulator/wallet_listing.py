"""``GET /v1/wallets`` and ``POST /v1/wallets/search``: which wallets a caller asked for."""

from dataclasses import dataclass

from flexprice_emulator.records import Wallet
from flexprice_emulator.responses import ApiError
from flexprice_emulator.state import WorldState

_BREAKDOWN = "credits_available_breakdown"
_WALLET_STATUSES = ("active", "frozen", "closed")


@dataclass(frozen=True)
class WantedWallets:
    """The filters of a listing of wallets; None and an empty tuple let every wallet through."""

    wallet_ids: tuple[str, ...]
    wallet_status: str | None
    broken_down: bool


def wanted_wallets(wallet_ids: object, status: object, expand: object) -> WantedWallets:
    """Read the filters of a query or a body (ApiError 400 where one is wrong).

    `status` is that of the wallet (``active``, ``frozen``, ``closed``), not of its record.
    """
    ids = [] if wallet_ids is None else wallet_ids
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise ApiError(400, "wallet_ids must be a list of ids")
    if status not in (None, "", *_WALLET_STATUSES):
        raise ApiError(400, "invalid wallet status", wallet_status=str(status))
    return WantedWallets(
        wallet_ids=tuple(ids),
        wallet_status=str(status) if status else None,
        broken_down=expands_breakdown(str(expand or "")),
    )


def expands_breakdown(expand: str) -> bool:
    """Whether a comma list names the breakdown; any other word is ApiError 400."""
    words = [word.strip() for word in expand.split(",") if word.strip()]
    if unknown := [word for word in words if word != _BREAKDOWN]:
        raise ApiError(400, "Invalid expand", invalid=unknown)
    return bool(words)


def listed_wallets(state: WorldState, wanted: WantedWallets) -> list[Wallet]:
    """Return the wallets that the filters let through, in no order worth relying on."""
    rows = (
        [state.wallets[key] for key in dict.fromkeys(wanted.wallet_ids) if key in state.wallets]
        if wanted.wallet_ids
        else state.wallets.values()
    )
    return [
        wallet
        for wallet in rows
        if not wallet.hard_deleted and wanted.wallet_status in (None, wallet.wallet_status)
    ]
