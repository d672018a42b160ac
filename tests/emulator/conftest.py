"""Emulators to test against."""

from collections.abc import Iterator

import pytest

from flexprice_emulator import Contract, Emulator
from tests.emulator.emulator_client import Client


@pytest.fixture(params=["2026-01", "2026-08"])
def contract(request: pytest.FixtureRequest) -> Contract:
    chosen: Contract = request.param
    return chosen


@pytest.fixture
def emulator(contract: Contract) -> Iterator[Emulator]:
    with Emulator(customers=60, seed=3, contract=contract) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator)
    yield client
    client.session.close()


@pytest.fixture
def august() -> Iterator[Client]:
    with Emulator(customers=60, seed=3) as running:
        client = Client(running)
        yield client
        client.session.close()
