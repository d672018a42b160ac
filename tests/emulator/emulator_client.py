"""A small client of the emulator for its tests."""

from typing import Any

import requests

from flexprice_emulator import Emulator

EVERYTHING = {
    "include_real_time_balance": "true",
    "expand": "credits_available_breakdown",
}


class Client:
    """Calls an emulator with its key; it follows no redirects and waits two seconds at most."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["x-api-key"] = emulator.api_key

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options = {"timeout": 2, "allow_redirects": False} | options
        return self.session.request(method, self.emulator.base_url + path, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def search(self, **body: Any) -> requests.Response:
        return self.call("POST", "/customers/search", json=body)

    def wallets(self, customer_id: str, **params: str) -> list[dict[str, Any]]:
        answer = self.get("/customers/wallets", params={"id": customer_id} | params)
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()
        return records

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, self.emulator.control_url + path, json=body, timeout=10)
