"""The modules of the emulator import each other in one direction only."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import flexprice_emulator

FOLDER = Path(str(flexprice_emulator.__file__)).parent


def imported_by(module: Path) -> set[str]:
    """Modules of the package that a module names in any import, also one for types only."""
    return {
        node.module.removeprefix("flexprice_emulator.")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and node.module.startswith("flexprice_emulator")
    }


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {module.stem: imported_by(module) for module in FOLDER.glob("*.py")}
    assert len(graph) > 20
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError at a circle
    assert order.index("state") < order.index("world") < order.index("emulator")
