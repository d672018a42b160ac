"""A Singer tap as the SDK means it: a stream of customers with a child stream of wallets.

The SDK asks for the children one after another. What it leaves to be tuned is: one schema message instead of one for
each customer, at which the target would write out what it holds; no state for each customer, as there is nothing to
resume; no logs for each of them; and no look for proxies at each request.
"""

import os

import requests
from fields import AMOUNTS, DOCUMENTS, TEXTS
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseOffsetPaginator, SinglePagePaginator

PAGE = 1000
TEXT, DOCUMENT = th.StringType(), th.CustomType({"type": ["object", "null"]})


class Pages(BaseOffsetPaginator):
    def has_more(self, response: requests.Response) -> bool:
        pagination = response.json()["pagination"]
        return pagination["offset"] < pagination["total"]


class FlexpriceStream(RESTStream):
    url_base = os.environ["FLEXPRICE_BASE_URL"]
    _LOG_REQUEST_METRICS = False

    @property
    def http_headers(self) -> dict:
        return {"x-api-key": os.environ["FLEXPRICE_API_KEY"]}

    @property
    def requests_session(self) -> requests.Session:
        session = super().requests_session
        session.trust_env = False
        return session


class Customers(FlexpriceStream):
    name = "customers"
    path = "/customers"
    primary_keys = ("id",)
    records_jsonpath = "$.items[*]"
    # Read for the wallets' sake only.
    selected_by_default = False
    schema = th.PropertiesList(th.Property("id", TEXT)).to_dict()

    def get_new_paginator(self) -> Pages:
        return Pages(0, PAGE)

    def get_url_params(self, context: object, next_page_token: int | None) -> dict:  # noqa: ARG002
        return {"limit": PAGE, "offset": next_page_token or 0}

    def get_child_context(self, record: dict, context: object) -> dict:  # noqa: ARG002
        return {"customer_id": record["id"]}


class Wallets(FlexpriceStream):
    name = "wallets"
    path = "/customers/wallets"
    primary_keys = ("id",)
    parent_stream_type = Customers
    _is_schema_written = False
    state_partitioning_keys = ()
    schema = th.PropertiesList(
        *(th.Property(name, TEXT) for name in TEXTS + AMOUNTS),
        *(th.Property(name, DOCUMENT) for name in DOCUMENTS),
        th.Property("is_cached_fallback", th.BooleanType()),
    ).to_dict()

    def get_new_paginator(self) -> SinglePagePaginator:
        return SinglePagePaginator()

    def get_url_params(self, context: dict, next_page_token: object) -> dict:  # noqa: ARG002
        return {
            "id": context["customer_id"],
            "include_real_time_balance": "true",
            "expand": "credits_available_breakdown",
        }

    def _write_schema_message(self) -> None:
        if not self._is_schema_written:
            self._is_schema_written = True
            super()._write_schema_message()

    def _write_state_message(self) -> None:
        pass


class FlexpriceTap(Tap):
    name = "tap-flexprice"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[FlexpriceStream]:
        return [Customers(self), Wallets(self)]


if __name__ == "__main__":
    FlexpriceTap.cli()
