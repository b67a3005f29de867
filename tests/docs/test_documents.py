"""The documents are held to what they say: links lead somewhere, and the README's story runs as it is written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.journeys.killable_server import served

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if ".venv" not in path.parts)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    targets = [target for target in _LINK.findall(document.read_text()) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_every_make_target_the_readme_names_exists():
    named = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_the_architecture_states_twelve_laws_and_each_has_a_test():
    laws = re.findall(r"^(\d+)\. \*\*", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert [int(number) for number in laws] == list(range(1, 13))
    for number in laws:
        assert list((ROOT / "tests/laws").glob(f"test_law_{int(number):02d}_*.py")), f"law {number} has no test"


def test_the_readme_story_runs_as_it_is_written(tmp_path):
    story = next(block for block in _SHELL.findall((ROOT / "README.md").read_text()) if "$READER" in block)
    with served(tmp_path) as (client, _):
        for item in ("i1", "i42"):
            assert client.put(f"/v1/items/{item}", json={"title": item}).is_success
        tokens = {"READER": ("r1", "reader"), "EDITOR_TOKEN": ("ed", "editor")}
        environment = {name: client.token(*who) for name, who in tokens.items()}
        environment |= {"WEIR": str(client.base_url).rstrip("/"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        commands = re.split(r"\n(?=#)", story.strip())
        assert len(commands) == 5
        for command in commands:
            told = subprocess.run(
                ["sh", "-ec", command.replace("curl ", "curl --silent --show-error --fail-with-body ")],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert told.returncode == 0, f"{command}\n{told.stdout}{told.stderr}"
