-- grain: date_day, currency
create or replace view flexprice.exchange_rates as
with
-- Amounts in several reporting currencies would be added up by mistake: then there is no rate at all.
reporting as (
    select min(reporting_currency) as reporting_currency
    from flexprice_raw.exchange_rates
    having count(distinct reporting_currency) = 1
)

select
    rates.date_day as date_day,
    rates.currency as currency,
    rates.reporting_currency as reporting_currency,
    rates.rate as rate
from flexprice_raw.exchange_rates as rates
inner join reporting on rates.reporting_currency = reporting.reporting_currency
where rates.currency <> rates.reporting_currency
union all
select
    calendar.date_day as date_day,
    reporting.reporting_currency as currency,
    reporting.reporting_currency as reporting_currency,
    cast(1 as decimal(18, 10)) as rate
from flexprice_raw.stored_calendar as calendar
cross join reporting;
