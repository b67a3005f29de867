"""``make bench``: run every measurement, write BENCHMARKS.md, benchmarks/results/latest.json and docs/plots.

Named sections are measured and printed, and nothing is written. ``--quick`` measures small and writes nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.grown_report import grown_section, posting_section
from benchmarks.large_report import crowded_section, large_section
from benchmarks.markdown import QUICK, Scale, Section
from benchmarks.plots import draw
from benchmarks.postgresql import postgresql_section
from benchmarks.ranking_report import (
    concurrency_section,
    kernel_section,
    peers_section,
    sessions_section,
    touched_section,
    truncation_section,
)
from benchmarks.service_report import (
    endtoend_section,
    ingestion_section,
    ledger_section,
    policies_section,
    swaps_section,
)
from benchmarks.timing import machine, versions

REPORT = Path(__file__).resolve().parent.parent / "BENCHMARKS.md"
RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"

SECTIONS: Mapping[str, Callable[[Scale], Section]] = {
    "kernel": kernel_section,
    "touched": touched_section,
    "sessions": sessions_section,
    "concurrency": concurrency_section,
    "peers": peers_section,
    "truncation": truncation_section,
    "feed": endtoend_section,
    "crowd": large_section,
    "swaps": swaps_section,
    "policies": policies_section,
    "ingestion": ingestion_section,
    "postgresql": postgresql_section,
    "ledger": ledger_section,
    "posting": posting_section,
    "grown": grown_section,
    "grown-crowd": crowded_section,
}

_HEAD = """# Benchmarks

Written by `{command}` on {date}, in {minutes:.0f} minutes; every figure below was measured in that run.

* Machine: {machine}.
* Versions: {versions}.
* Load average before the run: {before}; after it: {after}. {cores} cores are all taken at {cores}.0.

Machines are shared and noisy, so absolute times wander from run to run; what is held to are the **ratios**, each
against a peer or a constant route in the same run, measured in turn. Flat figures: `benchmarks/results/latest.json`.

"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the named sections, or all of them and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure small, print, write nothing")
    parser.add_argument("--items", type=int, default=Scale().items, help="items in a catalogue (default %(default)s)")
    parser.add_argument("--largest", type=int, default=Scale().largest, help="the largest catalogue, for growth")
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="only these sections; write nothing")
    asked = parser.parse_args(arguments)
    scale = QUICK if asked.quick else Scale(asked.items, max(asked.largest, asked.items))
    before, began = load(), time.monotonic()
    measured = {}
    for name in asked.section or SECTIONS:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        measured[name] = SECTIONS[name](scale)
        print(measured[name].text, flush=True)
    if not asked.quick and not asked.section:
        write(measured, before, (time.monotonic() - began) / 60)
        draw(measured["kernel"].points, measured["peers"].points)


def write(measured: Mapping[str, Section], before: str, minutes: float) -> None:
    """Write the report and the flat figures."""
    head = _HEAD.format(
        command="make bench",
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        minutes=minutes,
        machine=machine(),
        versions=versions("numpy", "scipy", "numba", "implicit", "fastapi", "uvicorn"),
        before=before,
        after=load(),
        cores=os.cpu_count(),
    )
    text = head + "\n".join(section.text for section in measured.values())
    REPORT.write_text(text.rstrip() + "\n", encoding="utf-8")
    figures = {key: value for section in measured.values() for key, value in section.figures.items()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {REPORT.name} and {RESULTS.name}", file=sys.stderr)


def load() -> str:
    """The load averages of the last 1, 5 and 15 minutes, in words."""
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    main()
