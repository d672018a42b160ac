-- grain: wallet, event_at, event
create or replace view flexprice.wallet_lifecycle as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
lives as (
    select * from flexprice_raw.stored_wallet_lives
),

-- What the first look at everybody found had been there before.
first_load as (
    select coalesce(min(case when scope = 'all' then snapshot_at end), max(snapshot_at)) as snapshot_at
    from flexprice_raw.snapshots
),

kinds as (
    select 'first_load' as event
    union all
    select 'appeared' as event
    union all
    select 'returned' as event
    union all
    select 'moved' as event
    union all
    select 'frozen' as event
    union all
    select 'unfrozen' as event
    union all
    select 'unlisted' as event
    union all
    select 'listed' as event
    union all
    select 'settings_changed' as event
    union all
    select 'ended' as event
),

steps as (
    select
        settings.wallet_id as wallet_id,
        settings.customer_id as customer_id,
        settings.valid_from as event_at,
        settings.wallet_status as wallet_status,
        settings.ended as ended,
        lives.life_number as life_number,
        lives.wallet_id is not null as is_begun,
        settings.valid_from <= first_load.snapshot_at as is_first_load,
        before.wallet_status as wallet_status_before,
        before.customer_id as customer_id_before,
        settings.customer_id <> before.customer_id as is_moved,
        settings.wallet_status = 'frozen' and coalesce(before.wallet_status, '') <> 'frozen' as is_frozen,
        settings.wallet_status = 'active' and before.wallet_status = 'frozen' as is_unfrozen,
        not settings.is_listed and before.is_listed as is_unlisted,
        settings.is_listed and not before.is_listed as is_listed,
        settings.ended is not null and (before.wallet_id is null or before.ended is null) as is_ended,
        substr(
            coalesce(case when settings.name is distinct from before.name then ', name' end, '')
            || coalesce(case when settings.description is distinct from before.description then ', description' end, '')
            || coalesce(case when settings.currency is distinct from before.currency then ', currency' end, '')
            || coalesce(case when settings.wallet_type is distinct from before.wallet_type then ', wallet_type' end, '')
            || coalesce(
                case when settings.conversion_rate is distinct from before.conversion_rate then ', conversion_rate' end,
                ''
            )
            || coalesce(case
                when settings.topup_conversion_rate is distinct from before.topup_conversion_rate
                    then ', topup_conversion_rate'
            end, '')
            || coalesce(case
                when settings.allowed_price_types is distinct from before.allowed_price_types
                    then ', allowed_price_types'
            end, '')
            || coalesce(
                case when settings.alert_enabled is distinct from before.alert_enabled then ', alert_enabled' end, ''
            )
            || coalesce(case when settings.alert_state is distinct from before.alert_state then ', alert_state' end, '')
            || coalesce(case
                when
                    settings.alert_threshold_default_type is distinct from before.alert_threshold_default_type
                    or settings.alert_threshold_default is distinct from before.alert_threshold_default
                    or settings.alert_condition_default is distinct from before.alert_condition_default
                    or settings.alert_threshold_critical is distinct from before.alert_threshold_critical
                    or settings.alert_condition_critical is distinct from before.alert_condition_critical
                    or settings.alert_threshold_warning is distinct from before.alert_threshold_warning
                    or settings.alert_condition_warning is distinct from before.alert_condition_warning
                    or settings.alert_threshold_info is distinct from before.alert_threshold_info
                    or settings.alert_condition_info is distinct from before.alert_condition_info
                    then ', alert_thresholds'
            end, '')
            || coalesce(case
                when
                    settings.auto_topup_enabled is distinct from before.auto_topup_enabled
                    or settings.auto_topup_threshold is distinct from before.auto_topup_threshold
                    or settings.auto_topup_amount is distinct from before.auto_topup_amount
                    or settings.auto_topup_invoiced is distinct from before.auto_topup_invoiced
                    or settings.auto_topup_cooldown_value is distinct from before.auto_topup_cooldown_value
                    or settings.auto_topup_cooldown_unit is distinct from before.auto_topup_cooldown_unit
                    then ', auto_topup'
            end, ''),
            3
        ) as changed_settings
    from flexprice.wallet_settings_history as settings
    cross join first_load
    left join flexprice.wallet_settings_history as before
        on settings.wallet_id = before.wallet_id and settings.valid_from = before.valid_to
    left join lives on settings.wallet_id = lives.wallet_id and settings.valid_from = lives.started_at
),

events as (
    select
        steps.*,
        kinds.event as event
    from steps
    cross join kinds
    where
        (kinds.event = 'first_load' and steps.is_begun and steps.life_number = 1 and steps.is_first_load)
        or (kinds.event = 'appeared' and steps.is_begun and steps.life_number = 1 and not steps.is_first_load)
        or (kinds.event = 'returned' and steps.is_begun and steps.life_number > 1)
        or (kinds.event = 'moved' and steps.is_moved)
        or (kinds.event = 'frozen' and steps.is_frozen)
        or (kinds.event = 'unfrozen' and steps.is_unfrozen)
        or (kinds.event = 'unlisted' and steps.is_unlisted and not steps.is_ended)
        or (kinds.event = 'listed' and steps.is_listed and not steps.is_begun)
        or (
            kinds.event = 'settings_changed'
            and steps.wallet_status_before is not null
            and (
                steps.changed_settings <> ''
                -- Something else differs, such as metadata: nothing else would have made a version.
                or not (
                    steps.is_begun
                    or steps.is_ended
                    or steps.is_moved
                    or steps.is_frozen
                    or steps.is_unfrozen
                    or steps.is_unlisted
                    or steps.is_listed
                )
            )
        )
        or (kinds.event = 'ended' and steps.is_ended)
)

select
    -- ids
    wallet_id,
    customer_id,
    event,

    -- what
    case
        when event = 'ended' then ended
        when event = 'moved' then customer_id_before
        when event = 'settings_changed' and changed_settings = '' then 'other'
        when event = 'settings_changed' then changed_settings
        when event in ('unlisted', 'frozen', 'unfrozen', 'listed') then wallet_status
    end as detail,

    -- times
    event_at,
    cast(event_at at time zone 'UTC' as date) as date_day
from events;
