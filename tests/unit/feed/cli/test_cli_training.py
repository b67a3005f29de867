"""Training that is interrupted, that reads an export, and that runs on Spark."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from experiments.world import World
from feed.cli import main
from feed.cli.speaking import Bar
from ranking.models import row_blocks
from ranking.models.scratch import Scratch

KINDS = ("impression", "click", "dwell", "like", "share", "more", "less", "hide")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test names, and a folder of its own to stand in."""
    for name in os.environ:
        if name.startswith("WEIR_") and name != "WEIR_DATA":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a small simulated community."""
    history = World(3, 80, 120, start=1_700_000_000).history(20, events=4000)
    events = history.events
    documents: list[dict[str, Any]] = [{"type": "item", "id": item.id} for item in history.items]
    columns = (events.readers.tolist(), events.items.tolist(), events.kinds.tolist(), events.times.tolist())
    for reader, item, kind, at in zip(*columns, strict=True):
        named = {"reader": events.reader_ids[reader], "item": events.item_ids[item], "kind": KINDS[kind]}
        documents.append({"type": "event", **named, "occurred_at": at})
    path = tmp_path / "past.ndjson"
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    assert main(["import", "ndjson", str(path), "--home", str(tmp_path / "home"), "--json"]) == 0
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_an_interrupted_training_goes_on_from_its_blocks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_WORK", 2000)
    train = ("train", "--model", "neighbours", "--home", home, "--json")
    shown = Bar.share

    def interrupted(bar: Bar, done: float, message: str) -> None:
        if message == "counting shared readers" and done > 0.3:
            raise KeyboardInterrupt
        shown(bar, done, message)

    monkeypatch.setattr(Bar, "share", interrupted)
    code, out, error = run(capsys, *train)
    assert (code, out, error) == (130, "", "")
    finished = {path.name: path.stat().st_mtime_ns for path in home.rglob("rows-*.npz")}
    assert finished
    kept: list[str] = []
    get = Scratch.get

    def noted(scratch: Scratch, name: str, *shapes: tuple[int, ...]) -> Any:
        found = get(scratch, name, *shapes)
        if found is not None:
            kept.append(f"{name}.npz")
        return found

    monkeypatch.setattr(Bar, "share", shown)
    monkeypatch.setattr(Scratch, "get", noted)
    code, out, _ = run(capsys, *train)
    assert code == 0
    assert set(finished) <= set(kept)
    assert not (home / "training" / "blocks").exists()


def test_training_on_an_export_makes_the_model_that_the_store_makes(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    code, out, _ = run(capsys, "export", "parquet", "out", "--home", home, "--json")
    assert code == 0 and json.loads(out)["count"] > 500
    train = ("train", "--model", "neighbours", "--no-activate", "--home", home, "--json")
    direct, exported = (json.loads(run(capsys, *train, *more)[1]) for more in ((), ("--from", "out")))
    assert direct["version"] == exported["version"]
    assert not (home / "training" / "columns").exists()


def test_an_export_of_another_store_or_none_is_refused(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, _, error = run(capsys, "train", "--from", "absent", "--home", home)
    assert code == 2 and "absent is no whole export" in error
    run(capsys, "export", "parquet", "out", "--home", home)
    code, _, error = run(capsys, "train", "--from", "out", "--home", "other")
    assert code == 2 and "another store" in error
    (home / "notes").write_text("mine", encoding="utf-8")
    code, _, error = run(capsys, "export", "parquet", home, "--home", home)
    assert code == 2 and "is no export" in error


@pytest.mark.slow
def test_training_on_spark_registers_a_model_and_ends_its_process(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    from pyspark import SparkContext

    code, out, error = run(capsys, "train", "--engine", "spark", "--master", "local[2]", "--home", home, "--json")
    assert code == 0, error
    told = json.loads(out)
    assert (told["model"], told["parameters"]["engine"], told["activated"]) == ("neighbours", "spark", True)
    assert (home / "models" / f"{told['version']}.graph").is_file()
    assert list((home / "training").iterdir()) == []
    assert SparkContext._gateway is None
    code, _, error = run(capsys, "train", "--engine", "spark", "--model", "ease", "--home", home)
    assert code == 2 and "--engine spark trains neighbours, not ease" in error
