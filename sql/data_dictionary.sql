-- grain: schema, object, column
create or replace view flexprice.data_dictionary as
with
dictionary as (
    select * from flexprice_raw.stored_data_dictionary
)

select
    -- ids
    schema_name,
    object_name,
    column_name,

    -- what
    object_type,
    object_comment,
    column_position,
    data_type,
    column_comment
from dictionary;
