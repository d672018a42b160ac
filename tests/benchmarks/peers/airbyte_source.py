"""Airbyte's declarative source, read concurrently, with its records inserted into DuckDB as one Arrow table.

As many threads as connections. The cache of parent records, which goes through SQLite, is off: nobody reads the
customers twice. Its session keeps 40 connections over https but only 10 over http, so here it is given room for all;
and it does not look for proxies at every request.
"""

import json
import logging
import os

import duckdb
import pyarrow as pa
import requests
from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)
from airbyte_cdk.sources.streams.http.http_client import HttpClient
from fields import AMOUNTS, DOCUMENTS, TEXTS

CONNECTIONS = int(os.environ["CONNECTIONS"])


def requester(path: str, **more: object) -> dict:
    return {
        "type": "HttpRequester",
        "url_base": os.environ["FLEXPRICE_BASE_URL"],
        "path": path,
        "http_method": "GET",
        "use_cache": False,
        "authenticator": {
            "type": "ApiKeyAuthenticator",
            "api_token": "{{ config['api_key'] }}",
            "inject_into": {
                "type": "RequestOption",
                "inject_into": "header",
                "field_name": "x-api-key",
            },
        },
        **more,
    }


def stream(name: str, retriever: dict, properties: dict) -> dict:
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["id"],
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {
                "type": "object",
                "additionalProperties": True,
                "properties": properties,
            },
        },
        "retriever": {"type": "SimpleRetriever", **retriever},
    }


def selector(*path: str) -> dict:
    return {
        "type": "RecordSelector",
        "extractor": {"type": "DpathExtractor", "field_path": list(path)},
    }


TEXT = {"type": ["string", "null"]}
CUSTOMERS = stream(
    "customers",
    {
        "requester": requester("/customers"),
        "record_selector": selector("items"),
        "paginator": {
            "type": "DefaultPaginator",
            "pagination_strategy": {
                "type": "OffsetIncrement",
                "page_size": 1000,
                "inject_on_first_request": True,
            },
            "page_size_option": {
                "type": "RequestOption",
                "inject_into": "request_parameter",
                "field_name": "limit",
            },
            "page_token_option": {
                "type": "RequestOption",
                "inject_into": "request_parameter",
                "field_name": "offset",
            },
        },
    },
    {"id": TEXT},
)
WALLETS = stream(
    "wallets",
    {
        "requester": requester(
            "/customers/wallets",
            request_parameters={
                "id": "{{ stream_partition['customer'] }}",
                "include_real_time_balance": "true",
                "expand": "credits_available_breakdown",
            },
        ),
        "record_selector": selector(),
        "partition_router": {
            "type": "SubstreamPartitionRouter",
            "parent_stream_configs": [
                {
                    "type": "ParentStreamConfig",
                    "stream": CUSTOMERS,
                    "parent_key": "id",
                    "partition_field": "customer",
                }
            ],
        },
    },
    dict.fromkeys(TEXTS + AMOUNTS, TEXT),
)
MANIFEST = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["wallets"]},
    "concurrency_level": {
        "type": "ConcurrencyLevel",
        "default_concurrency": CONNECTIONS,
        "max_concurrency": CONNECTIONS,
    },
    "streams": [WALLETS],
}


def give_room(make_session):
    def session(client: HttpClient) -> requests.Session:
        made = make_session(client)
        made.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
        made.trust_env = False
        return made

    return session


def main() -> None:
    HttpClient._request_session = give_room(HttpClient._request_session)
    config = {"api_key": os.environ["FLEXPRICE_API_KEY"]}
    logger = logging.getLogger("airbyte")
    logger.setLevel(logging.ERROR)
    source = ConcurrentDeclarativeSource(config=config, source_config=MANIFEST)
    catalog = ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=described,
                sync_mode=SyncMode.full_refresh,
                destination_sync_mode=DestinationSyncMode.overwrite,
            )
            for described in source.discover(logger, config).streams
        ]
    )
    wallets = [
        message.record.data
        for message in source.read(logger, config, catalog)
        if message.type == Type.RECORD
    ]
    save(wallets)


def save(wallets: list[dict]) -> None:
    columns = {
        name: pa.array([wallet.get(name) for wallet in wallets], pa.string())
        for name in TEXTS + AMOUNTS
    } | {
        name: pa.array([json.dumps(wallet.get(name)) for wallet in wallets], pa.string())
        for name in DOCUMENTS
    }
    with duckdb.connect("peer.duckdb") as connection:
        connection.register("arrived", pa.table(columns))
        connection.execute("create or replace table wallets as select * from arrived")


if __name__ == "__main__":
    main()
