"""`flexprice-wallets demo`: a month of daily loads against the emulator, and a tour of what came of them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from flexprice_wallets.commands.output import say
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.load import take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions

_HOUR_OF_LOADS = 6

_TOUR = (
    (
        "What do customers hold, in total?",
        """
        select currency, count(*) as wallets, sum(balance) as balance, sum(credit_balance) as credit_balance
        from flexprice.wallets
        where ended is null
        group by currency
        order by currency
        """,
    ),
    (
        "What did one wallet hold, and until when?",
        """
        select valid_from, valid_to, currency, balance, credit_balance
        from flexprice.wallet_balance_history
        where wallet_id = (
            select wallet_id from flexprice.wallet_balance_changes
            where cause = 'balance' group by wallet_id order by count(*) desc, wallet_id limit 1
        )
        order by valid_from
        limit 8
        """,
    ),
    (
        "Which balances moved most in the last week?",
        """
        select wallet_id, currency_after as currency, balance_before, balance_after, balance_delta, changed_by
        from flexprice.wallet_balance_changes
        where
            cause = 'balance'
            and changed_by > (select max(snapshot_at) from flexprice.snapshots) - interval 7 day
        order by abs(balance_delta) desc, wallet_id
        limit 5
        """,
    ),
    (
        "How complete were the last loads?",
        """
        select snapshot_at, completeness, customers_observed, wallets_observed, wallets_changed
        from flexprice.snapshots
        order by snapshot_at desc
        limit 3
        """,
    ),
)


@click.command("demo")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the demo's warehouse goes; it must not exist.  [default: a new temporary folder]",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    show_default=True,
    help="How many days of loads, one a day, the last one yesterday's.",
)
@click.option(
    "--customers",
    type=click.IntRange(1, 20_000),
    default=60,
    show_default=True,
    help="How many customers the made-up tenant begins with.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same customers.")
def demo_command(database: Path | None, days: int, customers: int, seed: int) -> int:
    """Load a made-up tenant day by day through the real client, then show what the warehouse answers."""
    configure_logs(0, "text")
    if database is None:
        database = Path(tempfile.mkdtemp(prefix="flexprice-wallets-demo-")) / "warehouse.duckdb"
    if database.exists():
        raise ConfigurationError(
            f"--database {database} exists: name a new file, so that made-up figures stay apart from real ones."
        )
    _load_days(database, days, customers, seed)
    _show_tour(database)
    _show_next_steps(database)
    return 0


def _show_next_steps(database: Path) -> None:
    """What to try, as it can be typed here: an environment that is not activated has its programs on no path."""
    is_on_path = shutil.which("flexprice-wallets") is not None
    command = "flexprice-wallets" if is_on_path else os.path.relpath(sys.argv[0])
    python = "python" if is_on_path else os.path.relpath(sys.executable)
    reading = f"import flexprice_wallets as fw; print(fw.open('{database}').balances())"
    say(f"The warehouse is {database}. Try next:\n")
    say(f"  {command} status --database {database}")
    say(f'  {python} -c "{reading}"')
    say(f"  {command} load    # the real thing: set FLEXPRICE_API_KEY first")


def _load_days(database: Path, days: int, customers: int, seed: int) -> None:
    from flexprice_emulator import Emulator, Rates, World

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days) + timedelta(hours=_HOUR_OF_LOADS)
    world = World(customers, seed=seed, now=first)
    say(f"An emulated tenant with {customers} customers; one load a day for {days} days:")
    with Emulator(world=world) as emulator:
        api = ApiOptions(Secret(emulator.api_key), emulator.base_url)
        # A tenant this small may well lose more than a fifth of its wallets in an eventful day.
        limits = Limits(vanished=Tolerance.parse("100%"))
        for day in range(days):
            at = first + timedelta(days=day)
            if day:
                world.advance(timedelta(hours=12), steps=2, rates=Rates.company())
            with interruptible():
                result = take_snapshot(LoadOptions(api, database, limits=limits, snapshot_at=at))
            _show_day(at, result.snapshot["wallets_changed"], is_last=day == days - 1)


def _show_day(at: datetime, changed: int, *, is_last: bool) -> None:
    """One line that moves on a terminal; elsewhere one line for each week."""
    line = f"  {at:%Y-%m-%d}  {changed:>4} wallets changed"
    if sys.stdout.isatty():
        say(f"\r{line}", ends_line=is_last)
    elif is_last or at.weekday() == 0:
        say(line)


def _show_tour(database: Path) -> None:
    from flexprice_wallets.commands.terminal_tables import print_query
    from flexprice_wallets.warehouse.database import open_published
    from flexprice_wallets.warehouse.sql_files import RAW_SCHEMA, SCHEMA

    with open_published(database, raw_schema=RAW_SCHEMA, schema=SCHEMA) as connection:
        for question, sql in _TOUR:
            say(f"\n{question}\n")
            print_query(connection, sql)
