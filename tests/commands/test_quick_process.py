"""A load's own process does without what it does not use, and afterwards is as it was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from flexprice_wallets.quick_process import quick_process


def test_what_is_not_used_is_not_imported_and_can_be_afterwards() -> None:
    # In a process of its own: this one has imported both long ago.
    script = """
import importlib, sys
from flexprice_wallets.quick_process import quick_process
with quick_process():
    import flexprice_wallets.snapshot.pipeline
    import pyarrow
    assert pyarrow.default_memory_pool().backend_name == "system"
    assert not {"pandas", "sqlalchemy"} & set(sys.modules), "imported all the same"
    for name in ("pandas", "sqlalchemy"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"{name} can be imported")
import pandas, sqlalchemy
assert pyarrow.table({"a": [1, 2]}).to_pandas()["a"].tolist() == [1, 2]
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_process_is_as_it_was_also_after_an_error() -> None:
    before = _state()
    environment = dict(os.environ)

    with quick_process():
        assert gc.get_threshold() != before[0]
        assert sys.getswitchinterval() != before[1]
    with pytest.raises(ZeroDivisionError), quick_process():
        raise ZeroDivisionError
    assert _state() == before
    assert dict(os.environ) == environment


def _state() -> tuple[object, ...]:
    return gc.get_threshold(), sys.getswitchinterval(), list(sys.meta_path)
