"""``make audit`` finds, finds nothing, or says that it could not look: never the last as if it were the second."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FINDS = "echo 'Found 2 known vulnerabilities in 1 package' >&2; exit 1"
FINDS_NONE = "echo 'No known vulnerabilities found' >&2; exit 0"
FAILS = "echo 'ConnectionError' >&2; exit 1"


@pytest.mark.parametrize(
    ("known", "pinned", "code", "said"),
    [
        (FINDS, FINDS_NONE, 0, "No known vulnerabilities found"),
        (FINDS, FINDS, 2, "Found 2 known vulnerabilities"),
        (FINDS_NONE, FINDS_NONE, 2, "Nothing was audited"),
        (FAILS, FINDS_NONE, 2, "Nothing was audited"),
    ],
    ids=["clean", "vulnerable", "a mirror without vulnerabilities", "no network"],
)
def test_what_could_not_be_looked_up_is_not_told_as_clean(tmp_path, known, pinned, code, said) -> None:
    tool = tmp_path / "bin" / "pip-audit"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\ncase "$*" in *known.txt*) {known};; *constraints.txt*) {pinned};; esac\n')
    tool.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        ["make", "-o", "install", "audit", f"AUDIT={tmp_path}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == code, told.stderr
    assert said in told.stderr
