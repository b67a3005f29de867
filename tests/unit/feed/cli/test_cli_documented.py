"""docs/cli.md tells of every command and option, and of no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from feed.cli import app
from feed.cli.evaluate import MODELS
from ranking.models import trainers

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS: dict[str, Any] = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def parameters(command: str) -> list[Any]:
    """Of a command, or of all commands of a group."""
    return [p for one in [COMMANDS[command], *getattr(COMMANDS[command], "commands", {}).values()] for p in one.params]


def section(command: str) -> str:
    found = re.search(rf"^## weir {command}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section `## weir {command}`"
    return found.group(1)


def options(command: str) -> list[str]:
    """Long names of a command's options; of a switch with two, the one that is not the default."""
    named = []
    for parameter in parameters(command):
        if parameter.param_type_name == "option" and parameter.name != "help":
            switched_off = parameter.secondary_opts if parameter.default is True else parameter.opts
            named.append(next(name for name in switched_off if name.startswith("--")))
    return named


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_with_all_its_options(command: str) -> None:
    missing = [option for option in options(command) if option not in section(command)]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_says_in_its_help_what_it_does(command: str) -> None:
    assert COMMANDS[command].help
    silent = [p.name for p in parameters(command) if not getattr(p, "help", None) and p.name != "help"]
    assert silent == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    assert sorted(re.findall(r"^## weir (\S+)", TEXT, re.MULTILINE)) == sorted(COMMANDS)


def test_no_option_is_documented_that_does_not_exist() -> None:
    known = {name for command in COMMANDS for p in parameters(command) for name in (*p.opts, *p.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", TEXT)) - known - {"--help"} == set()


def test_the_models_on_the_command_line_are_the_trainers() -> None:
    assert tuple(trainers) == MODELS
    assert all(f"`{name}`" in section("train") for name in MODELS)
