"""The table of duties names routes, tests and commands that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from feed.app import create_app
from feed.bootstrap import open_service
from feed.settings import Settings
from feed.storage.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/compliance.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| duty")
]


def quoted(cell: str) -> str:
    (found,) = re.findall(r"`([^`]+)`", cell)
    return str(found)


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    service = open_service(Settings(home=tmp_path_factory.mktemp("duties")), store=MemoryStore())
    app = create_app(service)
    known = [route for route in app.routes if isinstance(route, Route)]
    return {f"{method} {route.path}" for route in known for method in route.methods or ()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_duty_names_a_route_and_a_test_that_there_are(row, routes):
    assert quoted(row[2]) in routes
    assert (ROOT / quoted(row[3])).is_file()


@pytest.mark.parametrize("command", sorted({quoted(row[4]) for row in ROWS}))
def test_a_duty_is_shown_by_a_command_that_there_is(command):
    words = [word for word in command.split()[1:] if not word.startswith("-") and word != "dsa"]
    told = subprocess.run(
        [sys.executable, "-m", "feed.cli", *words, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr
    assert all(option in told.stdout for option in command.split() if option.startswith("--"))


def test_every_article_and_duty_has_a_row():
    duties = " ".join(row[0] for row in ROWS)
    assert all(f"DSA {article}" in duties for article in (14, 16, 17, 20, 24, 27, 38))
    assert len(ROWS) >= 20
