"""A tuning that is killed keeps every finished trial and ends as one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.journey]


def command(folder: Path, out: str) -> list[str]:
    options = ["--model", "neighbours", "--trials", "12", "--peer-trials", "0", "--out", str(folder / out), "--json"]
    return [sys.executable, "-m", "feed.cli", "tune", "--train", str(folder / "train.txt"), *options]


def trials(folder: Path, out: str) -> list[dict[str, Any]]:
    path = folder / f"{out}.journal"
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    return [{**json.loads(line), "seconds": 0} for line in lines]


def test_a_tuning_killed_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = [" ".join(map(str, [reader, *draw.choice(500, 40, replace=False)])) for reader in range(900)]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    first = subprocess.Popen(command(tmp_path, "killed"), env=environment, stdout=subprocess.DEVNULL)
    pause = threading.Event()
    journal = tmp_path / "killed.journal"
    while first.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 3):
        pause.wait(0.005)
    first.kill()
    first.wait()
    whole_lines = journal.read_bytes().count(b"\n") - 1
    before = [{**json.loads(line), "seconds": 0} for line in journal.read_text().splitlines()[1 : 1 + whole_lines]]
    assert 2 <= len(before) < 12 and not (tmp_path / "killed").exists()
    again = subprocess.run(command(tmp_path, "killed"), env=environment, capture_output=True, text=True, check=True)
    assert again.stderr == f"{len(before)} trials are in the journal already\n"
    subprocess.run(command(tmp_path, "whole"), env=environment, capture_output=True, check=True)
    assert trials(tmp_path, "killed")[: len(before)] == before
    assert trials(tmp_path, "killed") == trials(tmp_path, "whole")
