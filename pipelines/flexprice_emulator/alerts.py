"""The state of a wallet's alert, which moves with its balance."""

from decimal import Decimal

from flexprice_emulator.records import AlertThreshold, Wallet

_STATE_OF_LEVEL = {"critical": "in_alarm", "warning": "warning", "info": "info"}


def follow_balance(wallet: Wallet) -> None:
    """Set the alert state that the balance calls for, if the wallet has an alert at all."""
    levels = wallet.alert_settings or {"critical": wallet.alert_config}
    if wallet.alert_enabled and any(levels.values()):
        wallet.alert_state = alert_state(levels, wallet.balance)


def alert_state(levels: dict[str, AlertThreshold | None], balance: Decimal) -> str:
    """Return the state of the gravest level that a balance reaches, ``ok`` if there is none."""
    for level, state in _STATE_OF_LEVEL.items():
        entry = levels.get(level)
        if entry is not None and _is_reached(entry, balance):
            return state
    return "ok"


def _is_reached(entry: AlertThreshold, balance: Decimal) -> bool:
    if entry.condition == "above":
        return balance > entry.threshold
    return balance < entry.threshold
