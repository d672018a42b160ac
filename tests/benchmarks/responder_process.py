"""The responder in a process of its own, and what one says to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from tests.benchmarks.answers import Expected, Scene
from tests.benchmarks.environments import CHECKOUT
from tests.benchmarks.responder import Statistics

# A proxy of the environment is not meant for this.
_opener = build_opener(ProxyHandler({}))


class RunningResponder:
    """A responder that answers on `port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._cpu = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def set_scene(self, scene: Scene) -> Expected:
        """Have it answer so, and count from nought."""
        said = self._ask("POST", "/scene", json.dumps(asdict(scene)).encode())
        self._cpu = said["cpu"]
        return Expected(**said["expected"])

    def statistics(self) -> tuple[Statistics, float]:
        """What came since the scene was set, and the seconds of CPU that answering took."""
        said = self._ask("GET", "/statistics", None)
        return Statistics(**said["statistics"]), said["cpu"] - self._cpu

    def customer_ids(self, count: int) -> list[str]:
        """The ids of the first so many customers."""
        target = f"/v1/customers?limit={count}&offset=0"
        return [each["id"] for each in self._ask("GET", target, None)["items"]]

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, method=method)
        with _opener.open(request, timeout=60) as response:
            return dict(json.load(response))


@contextmanager
def responder_process(customers: int) -> Iterator[RunningResponder]:
    """A responder that knows so many customers, until the end of the block."""
    command = [sys.executable, "-m", "tests.benchmarks.responder", str(customers)]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the responder did not start")
        yield RunningResponder(int(line))
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
