"""What was tested is pinned by name and version alone, and everything asked for is pinned."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

PIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*$")
INSTALLED_EXTRAS = ("bench", "test")  # what `make equip` installs; what was not tested is not pinned


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *(line for extra in INSTALLED_EXTRAS for line in extras[extra])]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return normal(found.group())


PINNED = {normal(line.split("==")[0]): line.split("==")[1] for line in CONSTRAINTS}


def test_constraints_hold_names_and_versions_only() -> None:
    assert [line for line in CONSTRAINTS if not PIN.match(line)] == []


def test_constraints_name_each_distribution_once_and_not_weir() -> None:
    names = [normal(line.split("==")[0]) for line in CONSTRAINTS]
    assert sorted(set(names)) == sorted(names)
    assert "weir" not in names


def test_constraints_cover_every_dependency() -> None:
    assert [requirement for requirement in asked_for() if name_of(requirement) not in PINNED] == []


def test_constraints_cover_what_the_dependencies_need() -> None:
    todo, done = [name_of(requirement) for requirement in asked_for()], set[str]()
    while todo:
        name = todo.pop()
        if name in done:
            continue
        done.add(name)
        for requirement in metadata.requires(name) or []:
            plain, _, marker = requirement.partition(";")
            if not marker and name_of(plain) not in done:
                todo.append(name_of(plain))
    assert sorted(done - set(PINNED)) == []


def test_dependencies_have_a_lower_bound_and_no_upper_one() -> None:
    extras = PROJECT["optional-dependencies"].values()
    every = PROJECT["dependencies"] + [requirement for extra in extras for requirement in extra]
    assert [requirement for requirement in every if not re.search(r"\S>=[0-9][0-9.]*$", requirement)] == []


@pytest.mark.parametrize("line", ["weir @ file:///x", "-e .", "numpy>=2", "a==1 ; python_version>'3'", "# a"])
def test_the_pin_rule_refuses_anything_else(line: str) -> None:
    assert PIN.match(line) is None
