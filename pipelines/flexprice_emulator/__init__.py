"""An emulator of the Flexprice wallet API: a real HTTP server over a world that can be moved.

    with Emulator(customers=50, seed=1, contract="2026-08") as emulator:
        requests.get(
            f"{emulator.base_url}/customers/wallets",
            params={"id": emulator.world.published_customer_ids()[0]},
            headers={"x-api-key": emulator.api_key},
        )

`Emulator` serves, `World` holds and moves the state, `World.truth` is the oracle, `Fault` and
`Faults` break answers, `Quirks` makes them irregular, `RequestLog` counts requests.
"""

from flexprice_emulator.emulator import Emulator
from flexprice_emulator.faults import Fault, FaultKind, Faults
from flexprice_emulator.formats import RawJson, nested_json
from flexprice_emulator.quirks import Quirks
from flexprice_emulator.rates import Rates
from flexprice_emulator.records import (
    AlertThreshold,
    AutoTopup,
    Contract,
    Customer,
    Transaction,
    Wallet,
)
from flexprice_emulator.request_log import LoggedRequest, Request, RequestLog
from flexprice_emulator.state import OperationError
from flexprice_emulator.world import World

__all__ = [
    "AlertThreshold",
    "AutoTopup",
    "Contract",
    "Customer",
    "Emulator",
    "Fault",
    "FaultKind",
    "Faults",
    "LoggedRequest",
    "OperationError",
    "Quirks",
    "Rates",
    "RawJson",
    "Request",
    "RequestLog",
    "Transaction",
    "Wallet",
    "World",
    "nested_json",
]
