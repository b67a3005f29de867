"""The few commands there are to remember do what CONTRIBUTING says of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TARGETS = ["install", "equip", "check", "test", "bench", "load", "serve", "demo", "docs", "audit"]


def plan_of(*arguments: str) -> str:
    """What make would run, without running it."""
    command = ["make", "--no-print-directory", "--dry-run", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_makefile_has_these_targets_and_contributing_explains_each() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert declared and declared.group(1).split() == TARGETS
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [target for target in TARGETS if f"`make {target}`" not in contributing] == []


def test_demo_passes_the_data_folder_on_and_none_by_default() -> None:
    assert plan_of("demo", "DATA=my films").splitlines()[-1] == '.venv/bin/weir demo --data "my films"'
    assert plan_of("demo").splitlines()[-1].rstrip() == ".venv/bin/weir demo"


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", "mypy", "lint-imports", "tests/docs"])
def test_check_runs_every_tool(tool: str) -> None:
    assert tool in plan_of("check")


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml"])
def test_what_is_asked_for_is_installed_again_when_it_changes(changed: str) -> None:
    assert "-c constraints.txt -e .\n" in plan_of("install", f"--what-if={changed}")
    assert "-c constraints.txt -e '.[test,bench]'" in plan_of("equip", f"--what-if={changed}")


def test_who_only_runs_the_service_needs_no_test_tools() -> None:
    for target in ("install", "serve", "demo"):
        assert "[test,bench]" not in plan_of(target, "--what-if=constraints.txt")


def test_tests_are_run_once_there_is_java_and_root_installs_it() -> None:
    plan = plan_of("test", "JAVA=absent")
    assert plan.index("java -version") < plan.index(".venv/bin/pytest")
    assert "apt-get install -y --no-install-recommends default-jre-headless" in plan


def test_the_gate_runs_check_and_test_and_finds_data_beside_the_project(tmp_path: Path) -> None:
    """A copy of the gate, with a make that tells what it was called with."""
    project, data = tmp_path / "project", tmp_path / "shared" / "data"
    (project / ".ci").mkdir(parents=True)
    data.mkdir(parents=True)
    gate = project / ".ci" / "run"
    gate.write_bytes((ROOT / ".ci" / "run").read_bytes())
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$PWD|$*|$WEIR_DATA|$HYPOTHESIS_PROFILE"\n', encoding="utf-8")
    make.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = subprocess.run(["bash", str(gate)], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == f"{project}|check test|{data}|ci\n"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
