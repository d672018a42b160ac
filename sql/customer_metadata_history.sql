-- grain: customer, key, valid_from
create or replace view flexprice.customer_metadata_history as
with
stored_entries as (
    select * from flexprice_raw.stored_customer_metadata
)

select
    -- ids
    customer_id,
    key,

    -- what it said
    value,

    -- times
    valid_from,
    valid_to,
    valid_to is null as is_current
from stored_entries;
