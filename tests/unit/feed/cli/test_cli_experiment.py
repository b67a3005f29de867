"""``weir experiment start|stop|list|results``, on a store that nobody serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feed.cli import main
from tests.journeys.http_service import running

FILE = """
name: fresher
outcome: click
measure: readers
arms:
  - {name: usual, share: 500}
  - {name: fresher, share: 500, sets: {fresh_every: 5}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some items."""
    folder = tmp_path_factory.mktemp("weir")
    with running(folder) as http:
        http.put_items()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fresher.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: object, home: Path) -> Any:
    assert main(["experiment", *map(str, arguments), "--home", str(home), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, home: Path, code: int) -> str:
    assert main(["experiment", *map(str, arguments), "--home", str(home)]) == code
    return capsys.readouterr().err


def test_an_experiment_is_started_served_judged_and_stopped(
    home: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told(capsys, "start", file, "--reason", "to see", "--days", "3", home=home)
    with running(home) as http:
        for number in range(6):
            arms = http.call("GET", f"/v1/feed?reader=r{number}&limit=5", "feed").json()["arms"]
            assert arms["fresher"] in ("usual", "fresher")
    capsys.readouterr()  # what the service logged
    found = told(capsys, "results", made["id"], home=home)
    assert sum(arm["readers"] for arm in found["arms"]) == 6 and found["state"] == "running"
    assert main(["experiment", "results", made["id"], "--home", str(home)]) == 0
    words = capsys.readouterr().out
    assert "fresher: running" in words and "the sizes of the arms fit their shares" in words
    assert main(["experiment", "stop", made["id"], "--reason", "enough", "--home", str(home)]) == 0
    assert f"experiment {made['id']} is over" in capsys.readouterr().out
    (listed,) = told(capsys, "list", home=home)
    assert (listed["id"], listed["state"]) == (made["id"], "stopped")
    assert main(["experiment", "list", "--home", str(home)]) == 0
    assert "click readers" in capsys.readouterr().out
    assert "was ended by" in refused(capsys, "stop", made["id"], "--reason", "x", home=home, code=1)


def test_two_experiments_of_one_name_are_refused(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, "start", file, "--reason", "to see", "--days", "3", home=home)
    assert "has the name" in refused(capsys, "start", file, "--reason", "x", "--days", 1, home=home, code=1)
    told(capsys, "stop", made["id"], "--reason", "enough", home=home)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "neither YAML nor JSON"),
        ("just words", "write them as fields"),
        ("name: x", "arms: Field required"),
        (FILE.replace("share: 500}", "share: none}"), "arms.0.share"),
        (FILE + "surfaces: home\n", "surfaces: Extra inputs"),
    ],
)
def test_what_is_no_experiment_is_refused(
    home: Path, file: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text, encoding="utf-8")
    assert said in refused(capsys, "start", file, "--reason", "x", "--days", 1, home=home, code=2)


def test_what_ranking_cannot_be_set_to_is_refused(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.replace("fresh_every: 5", "fresh_every: -5"), encoding="utf-8")
    said = refused(capsys, "start", file, "--reason", "x", "--days", 1, home=home, code=1)
    assert "arm 'fresher': fresh_every is -5" in said


@pytest.mark.parametrize("command", [("results",), ("stop", "--reason", "x")])
def test_what_was_never_started_is_told(
    home: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no experiment 'nowhere'" in refused(capsys, command[0], "nowhere", *command[1:], home=home, code=1)
