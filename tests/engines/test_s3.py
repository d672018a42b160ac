"""Lakes on S3: what is shown there, which of two runs commits, and how credentials are found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flexprice_wallets.errors import AnotherRunAtWork
from flexprice_wallets.replicate.replicate import replicate
from tests.command_line import PROGRAM, Ended, run_process
from tests.engines.s3 import KEY, REGION, S3, Bucket
from tests.replicate.changes import with_another_snapshot
from tests.replicate.places import IcebergPlace, LakePlace, differences
from tests.replicate.server import Server
from tests.replicate.telling import two_at_once
from tests.small_history import SmallHistory, small_history

pytestmark = [pytest.mark.replication, pytest.mark.slow]


@pytest.fixture
def bucket(s3: S3) -> Bucket:
    return s3.bucket()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture
def warehouse(history: SmallHistory, tmp_path: Path) -> Path:
    return history.copy(tmp_path)


@pytest.fixture(params=["delta", "iceberg"])
def lake(
    request: pytest.FixtureRequest,
    bucket: Bucket,
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> LakePlace:
    """A new lake of each format, to which the environment leads."""
    lake = bucket.delta() if request.param == "delta" else bucket.iceberg(postgres.database())
    for name, value in lake.variables.items():
        monkeypatch.setenv(name, value)
    return lake


def replicated_by_command(
    folder: Path, variables: Mapping[str, str], destination: str, warehouse: Path
) -> Ended:
    """Run the command in a folder, with no settings but these and what stands in its `.dlt`."""
    command = (*PROGRAM, "replicate", "--destination", destination, "--database", str(warehouse))
    return run_process(command, folder, variables, timeout=300)


def test_a_lake_on_s3_shows_what_the_warehouse_holds(warehouse: Path, lake: LakePlace) -> None:
    replicate(lake.destination, warehouse)
    assert differences(warehouse, lake) == []
    with_another_snapshot(warehouse)
    third = replicate(lake.destination, warehouse)
    assert (third.rows, third.filled) == ({"snapshots": 1, "stored_wallets": 1}, ())
    assert differences(warehouse, lake) == []
    done = replicate(lake.destination, warehouse, maintains=True)
    assert done.upkeep is not None
    assert done.upkeep.files_after < done.upkeep.files_before
    assert differences(warehouse, lake) == []


def test_two_machines_at_once(warehouse: Path, lake: LakePlace) -> None:
    """Nobody but S3 keeps the second from writing over what the first has committed."""
    codes, outputs = two_at_once(lake.destination, warehouse)
    assert codes in ([0, 0], [0, 5]), outputs
    assert lake.shipments() == 1
    assert differences(warehouse, lake) == []


def test_of_two_runs_that_commit_at_once_one_does(
    warehouse: Path, lake: LakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicate(lake.destination, warehouse)
    with_another_snapshot(warehouse)
    destination = lake.implementation()
    commit = destination.commit

    def overtaken(self: Any, shipment: Any, ship_id: str) -> None:
        lake.overtake()
        commit(self, shipment, ship_id)

    with monkeypatch.context() as patched:
        patched.setattr(destination, "commit", overtaken)
        with pytest.raises(AnotherRunAtWork, match="meanwhile"):
            replicate(lake.destination, warehouse)
    assert lake.shipments() == 2
    replicate(lake.destination, warehouse)
    assert differences(warehouse, lake) == []


@pytest.mark.parametrize("destination", ["delta", "iceberg"])
def test_credentials_may_be_those_of_awss_own_tools(
    history: SmallHistory, tmp_path: Path, bucket: Bucket, postgres: Server, destination: str
) -> None:
    lake = bucket.delta() if destination == "delta" else bucket.iceberg(postgres.database())
    variables = {
        "DESTINATION__FILESYSTEM__BUCKET_URL": lake.url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": bucket.server,
        "AWS_ALLOW_HTTP": "true",
    }
    if isinstance(lake, IcebergPlace):
        # pyiceberg finds the keys there as well, but not the place.
        known = {name: lake.catalog[name] for name in ("type", "uri", "warehouse", "s3.endpoint")}
        variables["ICEBERG_CATALOG__ICEBERG_CATALOG_CONFIG"] = json.dumps(known)
    done = replicated_by_command(tmp_path, variables, destination, history.warehouse)
    assert done.code == 0, done.err
    assert differences(history.warehouse, lake) == []


def test_credentials_may_stand_in_secrets_toml(
    history: SmallHistory, tmp_path: Path, bucket: Bucket, postgres: Server
) -> None:
    lake = bucket.iceberg(postgres.database())
    (tmp_path / ".dlt").mkdir()
    sections = {
        "destination.filesystem": {"bucket_url": lake.url},
        "destination.filesystem.credentials": bucket.credentials(),
        "iceberg_catalog.iceberg_catalog_config": lake.catalog,
    }
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        "".join(
            f"[{section}]\n"
            + "".join(f'"{name}" = "{value}"\n' for name, value in settings.items())
            for section, settings in sections.items()
        )
    )
    done = replicated_by_command(tmp_path, {}, "iceberg", history.warehouse)
    assert done.code == 0, done.err
    assert differences(history.warehouse, lake) == []


def test_what_is_wrong_is_a_sentence(
    history: SmallHistory, tmp_path: Path, lake: LakePlace
) -> None:
    credentials = "DESTINATION__FILESYSTEM__CREDENTIALS"
    nobody_there = {**lake.variables, f"{credentials}__ENDPOINT_URL": "http://127.0.0.1:9"}
    done = replicated_by_command(tmp_path, nobody_there, lake.destination, history.warehouse)
    assert done.code == 1, done.err
    assert "could not be reached" in done.err
    assert "127.0.0.1:9" in done.err
    assert "Traceback" not in done.err
    without_key = {**lake.variables, "AWS_EC2_METADATA_DISABLED": "true"}
    del without_key[f"{credentials}__AWS_ACCESS_KEY_ID"]
    done = replicated_by_command(tmp_path, without_key, lake.destination, history.warehouse)
    assert done.code == 2, done.err
    assert "credentials are missing" in done.err
    assert "Traceback" not in done.err
