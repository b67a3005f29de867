"""Habits that every file keeps: small, well named, and free of the machine it was written on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("controls", "ranking", "experiments", "feed", "benchmarks")
MOST_LINES = 300
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
# The console's pages and the migrations' template too; not data, pictures or databases.
WRITTEN = {"", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py", ".sh", ".toml", ".txt"}
WRITTEN |= {".yaml", ".yml", ".service", ".timer", ".env"}

MACHINE_PATH = re.compile(r"(?<![\w.}\])>])/(?:work|root|home|opt|Users)/\w")
REGISTRY = re.compile(
    r"pypi\.(?:org|python)|pythonhosted\.|anaconda\.org|npmjs\.|crates\.io|proxy\.golang|rubygems\."
    r"|maven\.org|(?:gcr|ghcr|quay|docker)\.io|deb\.debian|-(?:-extra)?-index-url|-[-]find-links"
)


def files_of_the_project() -> Iterator[Path]:
    """Everything written by hand: top-level files, and all folders but environments and caches."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in (*PACKAGES, "tests", "docs", "deploy", ".ci"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file())


TEXTS = sorted(path for path in files_of_the_project() if path.suffix in WRITTEN and path.name != ".git")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def sleeps(source: str) -> list[int]:
    """Lines that call ``time.sleep``, under that name or imported from ``time``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "sleep":
            if isinstance(node.value, ast.Name) and node.value.id == "time":
                found.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [node.lineno for name in node.names if name.name == "sleep"]
    return found


def test_no_source_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MOST_LINES} == {}


def test_no_module_is_named_for_having_no_name() -> None:
    named = [path for path in SOURCES + TESTS if {path.stem, path.parent.name} & NO_NAMES]
    assert [str(path.relative_to(ROOT)) for path in named] == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert [line for path in TEXTS for line in lines_with(MACHINE_PATH, path)] == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [line for path in TEXTS for line in lines_with(REGISTRY, path)] == []


def test_no_test_sleeps() -> None:
    found = {str(path.relative_to(ROOT)): sleeps(path.read_text(encoding="utf-8")) for path in TESTS}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_every_package_is_typed() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").is_file()] == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("path", ["/" + "root/data", "DATA=/" + "home/me/films", '"/' + 'work/x"'])
def test_the_path_rule_sees_a_machine_path(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize("path", ["/v1/feed", "surfaces/home/page", "./work/x", "the /" + "home page"])
def test_the_path_rule_lets_other_paths_be(path: str) -> None:
    assert MACHINE_PATH.search(path) is None


def test_the_registry_rule_sees_a_host() -> None:
    assert REGISTRY.search("https://" + "pypi" + ".org/simple")


@pytest.mark.parametrize("source", ["import time\ntime.sleep(1)", "from time import sleep\nsleep(1)"])
def test_the_sleep_rule_sees_a_sleep(source: str) -> None:
    assert sleeps(source)


def lines_with(pattern: re.Pattern[str], path: Path) -> Iterator[str]:
    """``file:line: text`` of each line that matches."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line):
            yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
