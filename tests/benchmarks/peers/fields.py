"""The fields of a wallet that the peers keep, by how they are kept."""

TEXTS = [
    "id",
    "customer_id",
    "tenant_id",
    "environment_id",
    "name",
    "description",
    "currency",
    "wallet_type",
    "wallet_status",
    "status",
    "alert_state",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
    "balance_updated_at",
]
AMOUNTS = [
    "balance",
    "credit_balance",
    "conversion_rate",
    "topup_conversion_rate",
    "real_time_balance",
    "real_time_credit_balance",
    "current_period_usage",
    "unpaid_invoices_amount",
]
DOCUMENTS = ["metadata", "config", "auto_topup", "alert_settings", "credits_available_breakdown"]
