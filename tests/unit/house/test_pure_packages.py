"""Time and randomness come in as arguments: no module below the service reads a clock or draws entropy.

Import contracts see modules; this sees calls, such as ``datetime.now`` on a module that may be imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PURE = ("controls", "ranking", "experiments")
CLOCKS = {"now", "utcnow", "today"}
ENTROPY_MODULES = {"secrets"}
ENTROPY_CALLS = {"urandom", "getrandom", "uuid1", "uuid4", "SystemRandom"}
ALLOWED = {
    "controls": {"cryptography", "numpy", "pydantic", "pydantic_core", "rfc8785", "yaml"},
    "ranking": {"numba", "numpy", "scipy"},
}
MODEL_LIBRARIES = {"implicit", "pyspark", "sklearn", "threadpoolctl"}
PACKAGES = {"controls", "ranking", "experiments", "feed", "benchmarks"}


def impurities(source: str) -> Iterator[str]:
    """``line: what`` for each clock read and each draw of entropy."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            roots = modules_of(node)
            if "time" in roots:
                yield f"{node.lineno}: imports time"
            yield from (f"{node.lineno}: imports {name}" for name in roots & ENTROPY_MODULES)
            if isinstance(node, ast.ImportFrom):
                yield from (f"{node.lineno}: {n.name}" for n in node.names if n.name in ENTROPY_CALLS)
        elif isinstance(node, ast.Attribute):
            if node.attr in ENTROPY_CALLS:
                yield f"{node.lineno}: {node.attr}"
            if node.attr in CLOCKS and ast.unparse(node.value).split(".")[-1] in {"date", "datetime"}:
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")
            if called[-1] == "default_rng" and not node.args and not node.keywords:
                yield f"{node.lineno}: default_rng() without a seed"
            if called[0] == "random" and called[1:] != ["Random"]:
                yield f"{node.lineno}: {ast.unparse(node.func)} draws from global state"


def modules_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Top-level names that an import statement reaches."""
    if isinstance(node, ast.Import):
        return {name.name.split(".")[0] for name in node.names}
    return {(node.module or "").split(".")[0]} if node.level == 0 else set()


def third_parties(source: str) -> set[str]:
    """Top-level names imported from neither the standard library nor the house."""
    statements = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom))
    roots = set().union(*(modules_of(statement) for statement in statements))
    return roots - sys.stdlib_module_names - PACKAGES


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_reads_no_clock_and_draws_no_entropy(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{impurity}"
        for path in modules(package)
        for impurity in impurities(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_pure_package_imports_only_what_it_may(package: str) -> None:
    found = {}
    for path in modules(package):
        allowed = ALLOWED[package]
        if path.is_relative_to(ROOT / "ranking" / "models"):
            allowed = allowed | MODEL_LIBRARIES
        found[str(path.relative_to(ROOT))] = third_parties(path.read_text(encoding="utf-8")) - allowed
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
        "from datetime import date\ndate.today()",
        "from datetime import datetime as datetime\nclock = datetime.utcnow",
        "import time",
        "from time import monotonic",
        "import secrets",
        "import os\nos.urandom(8)",
        "from uuid import uuid4",
        "import numpy as np\nnp.random.default_rng()",
        "import random\nrandom.shuffle([])",
    ],
)
def test_the_purity_rule_sees_a_clock_or_entropy(source: str) -> None:
    assert list(impurities(source)) != []


def test_the_purity_rule_lets_seeded_randomness_and_given_times_be() -> None:
    source = "def draw(now, seed):\n    return default_rng(seed), datetime.fromtimestamp(now, UTC)"
    assert list(impurities(source)) == []


def test_the_allowance_sees_a_third_party() -> None:
    assert third_parties("import numpy\nfrom orjson import dumps\nfrom controls.tiers import Tier") == {
        "numpy",
        "orjson",
    }
