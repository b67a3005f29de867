"""``weir tune`` finds, writes, goes on after a kill, and hands over to ``weir train`` and ``weir evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.tuning import ALL, families
from feed.cli import main
from feed.cli.speaking import Bar
from feed.cli.tune import MODELS
from ranking.models import trainers
from ranking.models.blend import PARTS


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with train.txt and test.txt of readers who keep to their group."""
    draw = np.random.default_rng(0)
    lines: dict[str, list[str]] = {"train.txt": [], "test.txt": []}
    for reader in range(60):
        rows = draw.choice(15, 10, replace=False) + reader % 4 * 15
        lines["train.txt"].append(" ".join(map(str, [reader, *rows[:8]])))
        lines["test.txt"].append(" ".join(map(str, [reader, *rows[8:]])))
    for name, content in lines.items():
        (tmp_path / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


TUNE = ["tune", "--train", "train.txt", "--model", "neighbours", "--trials", "4", "--peer-trials", "1"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([*arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_what_is_found_is_written_told_and_evaluated(capsys: pytest.CaptureFixture[str], pair: Path) -> None:
    code, out, _ = run(capsys, *TUNE, "--out", "found.json", "--json")
    found = json.loads(out)
    assert code == 0 and found == json.loads((pair / "found.json").read_text())
    assert found["model"] == "neighbours" and len(found["tried"]) == 9
    assert set(found["over"]["peer"]["ndcg@20"]) == {"estimate", "low", "high", "confidence"}
    pieces = ("evaluate", "--train", "train.txt", "--test", "test.txt", "--parameters", "found.json", "--json")
    code, out, _ = run(capsys, *pieces)
    evaluated = json.loads(out)
    assert code == 0 and evaluated["model"] == "neighbours"
    assert {**evaluated["parameters"], **found["parameters"]} == evaluated["parameters"]
    assert sorted(path.name for path in pair.iterdir()) == ["found.json", "found.json.journal", "test.txt", "train.txt"]


def test_a_table_is_for_people(capsys: pytest.CaptureFixture[str], pair: Path) -> None:
    code, out, error = run(capsys, *TUNE)
    assert code == 0 and error == ""
    for words in ("the best of 9 trials, on validation", "neighbours by default", "implicit-", "the best over it"):
        assert words in out
    assert "neighbours is written to weir-tuned.json; `weir train --parameters weir-tuned.json` trains it" in out


def test_an_interrupted_tuning_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pair: Path
) -> None:
    shown = Bar.share

    def interrupted(bar: Bar, done: float, message: str) -> None:
        if message.startswith("trial 4"):
            raise KeyboardInterrupt
        shown(bar, done, message)

    monkeypatch.setattr(Bar, "share", interrupted)
    assert run(capsys, *TUNE)[0] == 130
    assert not (pair / "weir-tuned.json").exists()
    monkeypatch.setattr(Bar, "share", shown)
    code, _, error = run(capsys, *TUNE, "--json")
    assert code == 0 and error == "3 trials are in the journal already\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "wings"), "there is no model wings"),
        (("--model", "popularity"), "popularity has no parameters to choose; tune one of: spectral"),
        (("--train", "absent.txt"), "absent.txt: cannot be read (No such file or directory)"),
        (("--train", "empty.txt"), "empty.txt: is empty"),
        (("--train", "broken.txt"), "broken.txt:2: 'x' is not a whole number"),
        (("--train", "lone.txt"), "no reader has held-out entries"),
        (("--out", "no/such/folder.json"), "--out no/such/folder.json is no file in a folder that exists"),
        (("--home", "somewhere"), "--train and --home are two sources; name one of them"),
        (("--out", "train.txt"), "train.txt.journal is no journal of a tuning; name another file"),
        (("--trials", "0"), "Invalid value for '--trials'"),
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], pair: Path, arguments: tuple[str, ...], told: str
) -> None:
    (pair / "empty.txt").write_text("")
    (pair / "broken.txt").write_text("1 2\n3 x\n")
    (pair / "lone.txt").write_text("0 1\n")
    (pair / "train.txt.journal").write_text("dear diary\n")
    code, out, error = run(capsys, *TUNE, *arguments)
    assert (code, out) == (2, "") and told in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "found.json: cannot be read (No such file or directory)"),
        ("{", "found.json: is no JSON"),
        ("[]", "found.json: holds no model and parameters; name what `weir tune` wrote"),
        ('{"model": "ease"}', "found.json: holds no model and parameters"),
        ('{"model": "wings", "parameters": {}}', "there is no model wings"),
        ('{"model": "ease", "parameters": {"wings": 2}}', "ease has no parameter wings"),
    ],
)
def test_parameters_that_do_not_hold_are_one_line(
    capsys: pytest.CaptureFixture[str], pair: Path, content: str | None, told: str
) -> None:
    if content is not None:
        (pair / "found.json").write_text(content)
    pieces = ("evaluate", "--train", "train.txt", "--test", "test.txt", "--parameters", "found.json")
    code, out, error = run(capsys, *pieces)
    assert (code, out) == (2, "") and told in error and error.count("\n") == 1
    code, _, error = run(capsys, *pieces, "--model", "ease")
    assert code == 2 and "--parameters names model and parameters; leave --model and --set out" in error


def test_what_may_be_tuned_is_what_the_command_line_says() -> None:
    assert set(MODELS) == {*PARTS, "blend", ALL}
    assert all(families(name) for name in MODELS)
    assert set(PARTS) < set(trainers)
