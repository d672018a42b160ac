"""Why credits move: the reasons of transactions and what the server derives from them."""

INVOICE_PAYMENT = "INVOICE_PAYMENT"
FREE_CREDIT_GRANT = "FREE_CREDIT_GRANT"
SUBSCRIPTION_CREDIT_GRANT = "SUBSCRIPTION_CREDIT_GRANT"
PURCHASED_CREDIT_INVOICED = "PURCHASED_CREDIT_INVOICED"
PURCHASED_CREDIT_DIRECT = "PURCHASED_CREDIT_DIRECT"
PURCHASED_CREDIT_BONUS = "PURCHASED_CREDIT_BONUS"
CREDIT_NOTE = "CREDIT_NOTE"
CREDIT_EXPIRED = "CREDIT_EXPIRED"
WALLET_TERMINATION = "WALLET_TERMINATION"
MANUAL_BALANCE_DEBIT = "MANUAL_BALANCE_DEBIT"
CREDIT_ADJUSTMENT = "CREDIT_ADJUSTMENT"
INVOICE_VOID_REFUND = "INVOICE_VOID_REFUND"

#: The four reasons that the server can break down. A completed credit of any other reason makes
#: computing the breakdown of its wallet fail from then on.
BROKEN_DOWN_AS = {
    PURCHASED_CREDIT_INVOICED: "purchased",
    PURCHASED_CREDIT_DIRECT: "purchased",
    FREE_CREDIT_GRANT: "free",
    SUBSCRIPTION_CREDIT_GRANT: "free",
}

#: What a top-up completes at once; the server refuses other reasons there, and an invoiced
#: purchase waits for its payment.
TOP_UP_REASONS = (FREE_CREDIT_GRANT, SUBSCRIPTION_CREDIT_GRANT, PURCHASED_CREDIT_DIRECT)

#: What kind of thing a transaction refers to; all others are ``REQUEST``.
REFERENCE_TYPES = {
    INVOICE_PAYMENT: "INVOICE",
    CREDIT_ADJUSTMENT: "INVOICE",
    INVOICE_VOID_REFUND: "INVOICE",
    PURCHASED_CREDIT_INVOICED: "PAYMENT",
    PURCHASED_CREDIT_DIRECT: "EXTERNAL",
}

#: How the ids of those things begin.
REFERENCE_PREFIXES = {"INVOICE": "inv", "PAYMENT": "pay", "EXTERNAL": "ext", "REQUEST": "req"}
