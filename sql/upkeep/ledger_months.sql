-- Every month from the first completed transaction's to the last load's, once there is one.

insert into flexprice_raw.stored_months
with
bounds as (
    select
        cast((select min(month) from flexprice_raw.stored_transactions) as timestamp) as first_month,
        date_trunc('month', (select snapshot_at from applying) at time zone 'UTC') as this_month,
        cast((select max(month) from flexprice_raw.stored_transactions) as timestamp) as last_month
)

select
    cast(months.month_start as date) as month,
    months.month_start at time zone 'UTC' as month_start,
    (months.month_start + interval '1 month') at time zone 'UTC' as month_end
from bounds
cross join
    lateral generate_series(bounds.first_month, greatest(bounds.this_month, bounds.last_month), interval '1 month')
        as months (month_start)
where cast(months.month_start as date) not in (select month from flexprice_raw.stored_months)
order by month;
