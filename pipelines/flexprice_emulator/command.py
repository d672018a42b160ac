"""The command that runs the emulator in the foreground."""

import signal
import threading
from typing import get_args

import click

from flexprice_emulator.emulator import DEFAULT_API_KEY, Emulator
from flexprice_emulator.records import Contract
from flexprice_emulator.world import World


def serve(emulator: Emulator, lifetime: float | None = None) -> None:
    """Serve until SIGTERM, Ctrl-C or the end of `lifetime` seconds; call it in the main thread.

    Prints one line with the base URL and the key. Raises OSError where the port is taken.
    """
    stopped = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in signals]
    try:
        with emulator:
            click.echo(f"base_url={emulator.base_url} api_key={emulator.api_key}")
            stopped.wait(lifetime)
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@click.command("emulator")
@click.option(
    "--contract",
    type=click.Choice(get_args(Contract)),
    default="2026-08",
    show_default=True,
    help="Date of the API contract to follow.",
)
@click.option(
    "--customers",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="How many customers there are.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same customers.")
@click.option(
    "--days",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="How many days of business there were before; each takes a moment for each customer.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Milliseconds that every answer takes at least.",
)
@click.option(
    "--capacity",
    type=click.IntRange(1),
    default=None,
    help="How many requests are worked on at once, others wait; with --latency-ms.  [default: any]",
)
@click.option(
    "--api-key",
    default=DEFAULT_API_KEY,
    show_default=True,
    help="The emulator's own made-up key; never a real one.",
)
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the requests that fail in a way a retry gets over.",
)
@click.option(
    "--lifetime",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Seconds after which it ends by itself.",
)
def emulator_command(
    contract: Contract,
    customers: int,
    seed: int,
    days: int,
    port: int,
    latency_ms: float,
    capacity: int | None,
    api_key: str,
    fault_rate: float,
    lifetime: float | None,
) -> None:
    """Serve an emulated Flexprice API on this machine, to try things without an account."""
    emulator = Emulator(
        world=World.company(customers, seed=seed, contract=contract, days=days),
        seed=seed,
        port=port,
        latency_ms=latency_ms,
        capacity=capacity,
        api_key=api_key,
        fault_rate=fault_rate,
    )
    try:
        serve(emulator, lifetime)
    except OSError as error:
        raise click.ClickException(f"cannot serve on port {port}: {error.strerror}") from error
