"""The page on security is held to what there is: every table and register has its row, every named test is there."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from feed.storage.schema import metadata

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cell by cell."""
    part = re.split(r"^#{2,3} ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def registers() -> set[str]:
    """The name of every register that the service asks its store for."""
    found = set()
    for path in sorted((ROOT / "feed").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name in named(ast.parse(path.read_text(encoding="utf-8"))):
            constant = (
                name.value if isinstance(name, ast.Constant) else getattr(importlib.import_module(module), name.id)
            )
            found.add(str(constant))
    return found


def named(tree: ast.AST) -> Iterator[ast.Constant | ast.Name]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "register":
            (argument,) = node.args
            of_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            if of_text or (isinstance(argument, ast.Name) and argument.id.isupper()):
                assert isinstance(argument, ast.Constant | ast.Name)
                yield argument


def test_every_table_says_what_it_keeps_of_people_and_how_that_goes():
    told = rows("Tables")
    assert {row[0].strip("`") for row in told} == set(metadata.tables)
    assert all(len(row) == 4 and all(row) for row in told)


def test_every_register_says_what_it_keeps_of_people_and_how_that_goes():
    told = rows("Registers")
    assert {row[0].strip("`") for row in told} == registers()
    assert all(len(row) == 4 and all(row) for row in told)


@pytest.mark.parametrize(
    "row", rows("Who may attack, and what holds against them"), ids=lambda row: f"{row[0]}: {row[1]}"
)
def test_what_holds_against_an_attacker_is_shown_by_tests_that_there_are(row):
    files = re.findall(r"`([^`]+)`", row[3])
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_settings_that_the_page_names_exist():
    known = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert [name for name in set(re.findall(r"WEIR_[A-Z_]+", PAGE)) if f"`{name}`" not in known] == []
