"""How often things happen in a step of a world."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Rates:
    """How often each operation happens in one step: a share of the wallets (or customers)."""

    debit: float = 0.03
    top_up: float = 0.01
    meter_usage: float = 0.05
    finalise_invoice: float = 0.01
    pay_invoices: float = 0.005
    set_name: float = 0.001
    set_alerts: float = 0.001
    set_auto_topup: float = 0.001
    set_metadata: float = 0.001
    set_allowed_price_types: float = 0.001
    set_alert_state: float = 0.002
    set_conversion_rate: float = 0.0005
    set_currency: float = 0.0002
    freeze: float = 0.001
    thaw: float = 0.2
    close: float = 0.001
    close_with_remainder: float = 0.0002
    hard_delete: float = 0.0002
    soft_delete: float = 0.0003
    reopen: float = 0.02
    move_wallet: float = 0.0003
    add_wallet: float = 0.002
    touch_wallet: float = 0.01
    add_customer: float = 0.002
    archive_customer: float = 0.001
    unarchive_customer: float = 0.01
    rename_customer: float = 0.001
    touch_customer: float = 0.002
    # The rest happens only where it is asked for: see `with_ledger` and `company`.
    change_plan: float = 0.0
    subscription_grant: float = 0.0
    bonus_top_up: float = 0.0
    request_top_up: float = 0.0
    complete_top_up: float = 0.0
    fail_top_up: float = 0.0
    auto_top_up: float = 0.0
    expire_credit: float = 0.0
    manual_debit: float = 0.0
    credit_note: float = 0.0
    void_invoice: float = 0.0
    adjust_credits: float = 0.0
    close_with_auto_topup: float = 0.0

    @classmethod
    def only(cls, **rates: float) -> "Rates":
        """Return rates that are zero but for those named."""
        return cls(**{entry.name: 0.0 for entry in fields(cls)} | rates)

    @classmethod
    def with_ledger(cls, **rates: float) -> "Rates":
        """Return the default rates with everything that a ledger can hold, and those named."""
        return cls(**_LEDGER_RATES | rates)

    @classmethod
    def company(cls, **rates: float) -> "Rates":
        """Return what happens to a company in half a day, but for the rates named.

        Customers use what they hold within some months, and most of them buy more in time.
        Nothing is lost but by expiry and termination; no rate and no currency changes.
        """
        return cls.only(**_COMPANY_RATES | rates)


#: Money gets into closed wallets, expires, and comes with reasons that no breakdown knows.
_LEDGER_RATES = {
    "subscription_grant": 0.01,
    "bonus_top_up": 0.002,
    "request_top_up": 0.01,
    "complete_top_up": 0.05,
    "fail_top_up": 0.01,
    "auto_top_up": 0.2,
    "expire_credit": 0.9,
    "manual_debit": 0.002,
    "credit_note": 0.001,
    "void_invoice": 0.001,
    "adjust_credits": 0.001,
    "close_with_auto_topup": 0.004,
}

_COMPANY_RATES = {
    "debit": 0.45,
    "meter_usage": 0.5,
    "finalise_invoice": 0.04,
    "pay_invoices": 0.05,
    "top_up": 0.03,
    "subscription_grant": 0.005,
    "bonus_top_up": 0.0003,
    "request_top_up": 0.005,
    "complete_top_up": 0.1,
    "fail_top_up": 0.005,
    "auto_top_up": 0.5,
    "expire_credit": 0.95,
    "manual_debit": 0.001,
    "credit_note": 0.0003,
    "void_invoice": 0.0002,
    "adjust_credits": 0.0002,
    "set_name": 0.0005,
    "set_alerts": 0.001,
    "set_auto_topup": 0.001,
    "set_metadata": 0.0005,
    "set_allowed_price_types": 0.0003,
    "freeze": 0.0007,
    "thaw": 0.05,
    "close": 0.0007,
    "close_with_auto_topup": 0.0005,
    "add_wallet": 0.001,
    "touch_wallet": 0.01,
    "add_customer": 0.0012,
    "archive_customer": 0.002,
    "unarchive_customer": 0.01,
    "rename_customer": 0.0005,
    "change_plan": 0.001,
    "touch_customer": 0.002,
}
