"""The direction of imports is enforced: every contract holds, and breaks when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in CONFIG["contracts"]]

PLANTED = [
    ("Packages import downwards only", "ranking/planted.py", "import experiments"),
    ("Packages import downwards only", "controls/planted.py", "from ranking import parameters"),
    ("Packages import downwards only", "feed/routes/planted.py", "import benchmarks"),
    ("Controls are pure: no input or output and no clock", "controls/planted.py", "import time"),
    ("Controls are pure: no input or output and no clock", "controls/planted.py", "import sqlite3"),
    ("Model libraries stay inside ranking.models", "ranking/planted.py", "import implicit.als"),
    ("Model libraries stay inside ranking.models", "experiments/planted.py", "from sklearn import metrics"),
    ("Only feed knows HTTP, SQL and Redis", "experiments/planted.py", "import redis.asyncio"),
    ("Only feed knows HTTP, SQL and Redis", "ranking/models/planted.py", "from sqlalchemy import select"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their contracts, to be spoilt."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in CONFIG["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_the_tree_keeps_every_contract() -> None:
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout
    for contract in CONTRACTS:
        assert f"{contract} KEPT" in outcome.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in PLANTED} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "module", "line"), PLANTED)
def test_a_planted_violation_breaks_its_contract(tree: Path, contract: str, module: str, line: str) -> None:
    (tree / module).write_text(f"{line}\n", encoding="utf-8")
    outcome = lint_imports(tree)
    assert outcome.returncode != 0
    assert f"{contract} BROKEN" in outcome.stdout
    assert module.removesuffix(".py").replace("/", ".") in outcome.stdout


def test_a_trainer_may_import_the_model_libraries(tree: Path) -> None:
    lines = "import implicit.als\nimport pyspark\nimport sklearn.utils.extmath\n"
    (tree / "ranking/models/planted.py").write_text(lines, encoding="utf-8")
    outcome = lint_imports(tree)
    assert outcome.returncode == 0, outcome.stdout
