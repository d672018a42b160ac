-- Derived tables that make the views fast. They hold nothing that cannot be made again from the tables a load writes.

-- grain: wallet. What is known of it after the last snapshot that was applied.
create table if not exists flexprice_raw.stored_wallets (
    wallet_id varchar not null,
    wallet_number bigint not null,
    customer_id varchar not null,
    first_observed_at timestamptz not null,
    life_number bigint not null,
    life_started_at timestamptz not null,
    ended varchar,
    ended_at timestamptz,
    is_listed boolean,
    settings_snapshot_at timestamptz,
    wallet_type varchar,
    wallet_status varchar,
    settings_hash varchar,
    currency varchar,
    conversion_rate decimal(10, 5),
    balance decimal(28, 9),
    credit_balance decimal(28, 9),
    balance_observed_at timestamptz,
    balance_snapshot_at timestamptz,
    balance_customer_id varchar,
    balance_hash varchar,
    real_time_balance decimal(38, 16),
    real_time_credit_balance decimal(38, 16),
    pending_amount decimal(38, 16),
    current_period_usage decimal(38, 16),
    unpaid_invoices_amount decimal(38, 16),
    real_time_observed_at timestamptz,
    real_time_snapshot_at timestamptz,
    real_time_hash varchar,
    free_credits decimal(38, 16),
    purchased_credits decimal(38, 16),
    other_credits decimal(38, 16),
    credits_observed_at timestamptz,
    credits_snapshot_at timestamptz,
    credits_hash varchar,
    is_real_time_balance_given boolean not null,
    is_credits_available_given boolean not null,
    valid_from timestamptz
);

-- grain: wallet, valid_from. Closed intervals of the balance history; the open one is in stored_wallets. They lie in
-- order of time, so a wallet's are all over the table: numbers find them several times as fast as texts.
create table if not exists flexprice_raw.stored_balance_intervals (
    wallet_id varchar not null,
    wallet_number bigint not null,
    customer_id varchar not null,
    life_number bigint not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    currency varchar not null,
    conversion_rate decimal(10, 5) not null,
    balance decimal(28, 9) not null,
    credit_balance decimal(28, 9) not null,
    balance_observed_at timestamptz not null,
    balance_snapshot_at timestamptz not null,
    real_time_balance decimal(38, 16),
    real_time_credit_balance decimal(38, 16),
    pending_amount decimal(38, 16),
    current_period_usage decimal(38, 16),
    unpaid_invoices_amount decimal(38, 16),
    real_time_observed_at timestamptz,
    real_time_snapshot_at timestamptz,
    free_credits decimal(38, 16),
    purchased_credits decimal(38, 16),
    other_credits decimal(38, 16),
    credits_observed_at timestamptz,
    credits_snapshot_at timestamptz
);

-- grain: currency, snapshot_at. By how much a snapshot moved what is held in a currency: added up, they
-- tell what is held. `positive` leaves overdrawn wallets out, `frozen` all that are not frozen and the overdrawn.
create table if not exists flexprice_raw.stored_currency_moves (
    currency varchar not null,
    snapshot_at timestamptz not null,
    positive_balance decimal(38, 9) not null,
    balance decimal(38, 9) not null,
    positive_credits decimal(38, 9) not null,
    credits decimal(38, 9) not null,
    frozen_balance decimal(38, 9) not null,
    frozen_credits decimal(38, 9) not null,
    free_credits decimal(38, 16) not null,
    purchased_credits decimal(38, 16) not null,
    wallets bigint not null,
    overdrawn_wallets bigint not null,
    frozen_wallets bigint not null,
    broken_down_wallets bigint not null
);

-- grain: wallet, valid_from. Closed intervals of a wallet's settings; the open one is in stored_wallets.
create table if not exists flexprice_raw.stored_settings_intervals (
    wallet_id varchar not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    wallet_type varchar,
    wallet_status varchar
);

-- grain: wallet, life_number. When each life of a wallet began and ended, and how. The figures are those read at
-- the end: null while it lives, and for 'not_found', where nothing was read (currency and rate stay as last known).
create table if not exists flexprice_raw.stored_wallet_lives (
    wallet_id varchar not null,
    customer_id varchar not null,
    life_number bigint not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    ended varchar,
    currency varchar,
    conversion_rate decimal(10, 5),
    balance decimal(28, 9),
    credit_balance decimal(28, 9),
    balance_observed_at timestamptz,
    balance_snapshot_at timestamptz
);

-- grain: wallet, snapshot_at. Snapshots of scope 'all' that did not observe a wallet, and the last one that had.
create table if not exists flexprice_raw.stored_unobserved_wallets (
    wallet_id varchar not null,
    snapshot_at timestamptz not null,
    last_observed_at timestamptz
);

-- grain: wallet, snapshot_at. Snapshots of scope 'selected' that observed a wallet.
create table if not exists flexprice_raw.stored_selected_wallets (
    wallet_id varchar not null,
    snapshot_at timestamptz not null
);

-- grain: wallet, figure, gap_from. From when to when (null: still) no snapshot that asked for a figure got it.
create table if not exists flexprice_raw.stored_figure_gaps (
    wallet_id varchar not null,
    figure varchar not null,
    gap_from timestamptz not null,
    gap_to timestamptz
);

-- grain: customer. The last version of it.
create table if not exists flexprice_raw.stored_customers (
    customer_id varchar not null,
    first_observed_at timestamptz not null,
    snapshot_at timestamptz not null,
    is_listed boolean not null,
    version_hash varchar not null
);

-- one row: the last snapshot that the derived tables contain.
create table if not exists flexprice_raw.stored_progress (
    snapshot_at timestamptz not null
);

-- grain: schema_name, object_name, column_name. What every table, view, macro and column means.
create table if not exists flexprice_raw.stored_data_dictionary (
    schema_name varchar not null,
    object_name varchar not null,
    object_type varchar not null,
    object_comment varchar not null,
    column_position bigint not null,
    column_name varchar not null,
    data_type varchar not null,
    column_comment varchar not null
);

-- one row: by which the views are known to be up to date.
create table if not exists flexprice_raw.stored_views (
    scripts_digest varchar not null,
    catalog_digest varchar not null
);
