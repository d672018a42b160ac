from __future__ import annotations

import pytest

from flexprice_emulator import Emulator, Fault, FaultKind
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.api_options import checked_base_url
from flexprice_wallets.extract.asking.client import ApiClient, AttemptFailed
from flexprice_wallets.extract.calls import (
    Figures,
    customer_wallets,
    lookup_key_wallets,
    wallet,
)
from flexprice_wallets.extract.secret import Secret


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ("https://api.cloud.flexprice.io/v1", "https://api.cloud.flexprice.io/v1"),
        (" https://us.api.flexprice.io/v1/ ", "https://us.api.flexprice.io/v1"),
        ("https://billing.example:8443", "https://billing.example:8443"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://localhost/v1", "http://localhost/v1"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
    ],
)
def test_base_urls(given: str, checked: str) -> None:
    assert checked_base_url(given) == checked


@pytest.mark.parametrize(
    "given",
    [
        "",
        "api.cloud.flexprice.io/v1",
        "ftp://api.cloud.flexprice.io",
        "https://",
        "https:///v1",
        "https://user@billing.example",
        "https://user:secret@billing.example",
        "https://billing.example/v1?key=secret",
        "https://billing.example/v1#part",
        "http://billing.example/v1",
        "http://10.0.0.7/v1",
        "http://localhost.example/v1",
        "http://127.0.0.1.example/v1",
    ],
)
def test_what_is_no_base_url(given: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked_base_url(given)
    assert "FLEXPRICE_BASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_plain_http_is_taken_where_it_is_asked_for() -> None:
    assert checked_base_url("http://10.0.0.7/v1", allow_plain_http=True) == "http://10.0.0.7/v1"


def test_ids_and_keys_are_escaped() -> None:
    figures = Figures(False, False)
    assert customer_wallets("a&b=c", figures).target == "/customers/wallets?id=a%26b%3Dc"
    assert lookup_key_wallets("客/1 &", figures).target.endswith("?lookup_key=%E5%AE%A2%2F1+%26")
    assert wallet("a/../b?c", "cust").target == "/wallets/a%2F..%2Fb%3Fc"


@pytest.mark.parametrize(
    ("figures", "query"),
    [
        (Figures(), "&include_real_time_balance=true&expand=credits_available_breakdown"),
        (Figures(True, False), "&include_real_time_balance=true"),
        (Figures(False, False), ""),
    ],
)
def test_figures_are_asked_for(figures: Figures, query: str) -> None:
    assert customer_wallets("cust_1", figures).target == f"/customers/wallets?id=cust_1{query}"


def test_an_answer_is_handed_on_as_it_is() -> None:
    with Emulator(customers=3) as emulator:
        client = ApiClient(emulator.base_url, Secret(emulator.unbound_api_key))
        call = customer_wallets(emulator.world.published_customer_ids()[0], Figures())
        assert client.ask(call).status == 403
        environment_id = emulator.world.environment_id
        bound = ApiClient(
            emulator.base_url, Secret(emulator.unbound_api_key), environment_id=environment_id
        )
        answer = bound.ask(call)
        client.close()
        bound.close()
    assert answer.status == 200
    assert answer.body.startswith(b"[")


@pytest.mark.parametrize(
    ("kind", "error_code"),
    [("reset", "connection"), ("close", "connection"), ("truncated", "cut_answer")],
)
def test_a_broken_connection_may_pass(kind: FaultKind, error_code: str) -> None:
    with Emulator(customers=3) as emulator:
        emulator.faults.add(Fault(kind))
        client = ApiClient(emulator.base_url, Secret(emulator.api_key))
        call = customer_wallets(emulator.world.published_customer_ids()[0], Figures())
        with pytest.raises(AttemptFailed) as caught:
            client.ask(call)
    assert caught.value.outcome.failure.error_code == error_code
    assert caught.value.outcome.may_pass
    assert emulator.api_key not in str(caught.value)


def test_nobody_listens() -> None:
    with Emulator(customers=1) as emulator:
        base_url = emulator.base_url
    client = ApiClient(base_url, Secret("key"))
    with pytest.raises(AttemptFailed, match="refused the connection"):
        client.ask(customer_wallets("cust_1", Figures()))


def test_a_redirect_is_not_followed() -> None:
    with Emulator(customers=1) as elsewhere, Emulator(customers=1) as emulator:
        emulator.faults.add(Fault("redirect", location=f"{elsewhere.base_url}/"))
        client = ApiClient(emulator.base_url, Secret(emulator.api_key))
        assert client.ask(customer_wallets("cust_1", Figures())).status == 302
        assert elsewhere.requests.total == 0
