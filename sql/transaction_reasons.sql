-- grain: transaction_reason
create or replace view flexprice.transaction_reasons as
-- The one place that says which line of the books a reason belongs to. A reason that is not here is 'other' in both.
select
    reasons.transaction_reason as transaction_reason,
    reasons.movement as movement,
    reasons.origin as origin
from (
    values
    ('PURCHASED_CREDIT_INVOICED', 'purchased', 'purchased'),
    ('PURCHASED_CREDIT_DIRECT', 'purchased', 'purchased'),
    ('FREE_CREDIT_GRANT', 'granted', 'free'),
    ('SUBSCRIPTION_CREDIT_GRANT', 'granted', 'free'),
    ('PURCHASED_CREDIT_BONUS', 'granted', 'free'),
    ('CREDIT_NOTE', 'refunded', 'other'),
    ('INVOICE_VOID_REFUND', 'refunded', 'other'),
    ('CREDIT_ADJUSTMENT', 'adjusted', 'other'),
    ('INVOICE_PAYMENT', 'used', 'other'),
    ('MANUAL_BALANCE_DEBIT', 'used', 'other'),
    ('CREDIT_EXPIRED', 'expired', 'other'),
    ('WALLET_TERMINATION', 'terminated', 'other')
) as reasons (transaction_reason, movement, origin);
