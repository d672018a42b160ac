"""Where a lake is, as dlt finds it for its destination `filesystem`. Heavy: imports dlt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from flexprice_wallets.dlt_scope import own_scope
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.replicate.destination_errors import Errors, errors_named
from flexprice_wallets.replicate.lake import lake_tables
from flexprice_wallets.replicate.shipping import DLT_SETTINGS, LakeFormat, Sender

#: Each table is one job, and dlt looks a second later for those that its workers had no hand for. A catalog of Iceberg
#: tables is written to for each of them; SQLite's lets one do so at a time.
_WORKERS: Final[Mapping[LakeFormat, int]] = {"delta": 16, "iceberg": 4}


@contextmanager
def opened_lake(
    table_format: LakeFormat, dataset: str, folder: Path, errors: Errors, conflicts: Errors
) -> Iterator[tuple[Any, Sender]]:
    """Open a dataset of a lake; gives dlt's client of the destination, and what sends.

    Args:
        table_format: of its tables.
        dataset: schema of the analysts' views.
        folder: for dlt's files.
        errors: what reading and writing raises beside dlt's errors.
        conflicts: what it raises where two runs were at work at once.

    Raises:
        ConfigurationError: where the place or its credentials are missing or wrong.
        DestinationError: where it cannot be reached or refuses.
        AnotherRunAtWork: where another replication into the dataset came before.
    """
    load = {**DLT_SETTINGS["load"], "workers": _WORKERS[table_format]}
    with (
        own_scope({**DLT_SETTINGS, "load": load}, reads_configuration=True),
        errors_named(table_format.capitalize(), (*errors, *_errors_of_s3()), conflicts),
        _settings_named(),
    ):
        # Other settings of the destination would move its tables.
        there = dlt.destinations.filesystem(layout="{table_name}/{load_id}.{file_id}.{ext}")
        sender = Sender(there, f"{dataset}_rows", folder, table_format)
        with sender.lake_client(lake_tables()) as client:
            yield client, sender


@contextmanager
def _settings_named() -> Iterator[None]:
    """Within, errors of dlt that are about settings or a package are raised as a sentence about these.

    Raises:
        ConfigurationError: for one of these.
    """
    try:
        yield
    except ConfigurationException as error:
        raise ConfigurationError(
            "The lake's place or its credentials are missing or incomplete: set "
            "DESTINATION__FILESYSTEM__BUCKET_URL=s3://bucket/folder (or a local folder), or "
            "[destination.filesystem] with bucket_url and credentials in .dlt/secrets.toml, for Delta on S3 with "
            "region_name, too."
        ) from error
    except MissingDependencyException as error:
        raise ConfigurationError(
            "A package for the lake's place is not installed: for S3 run pip install 'flexprice-wallets[s3]'; "
            "for others fsspec's, such as gcsfs and adlfs."
        ) from error


def _errors_of_s3() -> Errors:
    """What fsspec lets through of its client for S3, where that is installed."""
    if find_spec("botocore") is None:
        return ()
    raised = import_module("botocore.exceptions")
    return (raised.BotoCoreError, raised.ClientError)
