"""``make bench``: run every measurement and write BENCHMARKS.md. ``--quick`` measures smaller and writes nothing."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import endtoend, ingestion, kernel, policies

REPORT = Path(__file__).resolve().parent.parent / "BENCHMARKS.md"

_HEAD = """# Benchmarks

Written by `make bench`; every figure below was measured in one run on {machine}.
Machines are shared and noisy, so absolute times wander from run to run; what is held to are the **ratios**, each
against a peer or a constant route in the same run. Load average before the run: {load}.

"""


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right."""
    lines = ["| " + " | ".join(names) + " |", "|" + "---:|" * len(names)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def kernel_section(quick: bool) -> str:
    """rank() against implicit.recommend."""
    rows = kernel.run((20_000,) if quick else (100_000, 1_000_000), requests=300 if quick else 3000)
    peers = ("implicit ms", "ratio", "as installed ms", "ratio")
    head = ("items", "blocked", "neighbours", "history", "p50 µs", "p99 µs", "short pages", *peers)
    cells = [
        (
            f"{row.items:,}",
            f"{row.blocked:.0%}",
            "skewed" if row.skewed else "uniform",
            row.history,
            f"{row.p50_us:.0f}",
            f"{row.p99_us:.0f}",
            row.short,
            *_peers(row),
        )
        for row in rows
    ]
    return (
        "## rank(), governance included, one core\n\n"
        f"{kernel.ITEMS_WANTED} items a page, item graph of width 100, a policy with three rules. The peer is\n"
        f"implicit.recommend over random {kernel.FACTORS}-dimensional factors, blocked and liked items filtered: with\n"
        "one BLAS thread, its best on one core, and as it comes installed, with a BLAS thread a core. Uniform\n"
        "neighbours have no locality at all: the worst case. Repeat: `python -m benchmarks kernel`.\n\n"
        + table(head, cells)
    )


def _peers(row: kernel.KernelRow) -> tuple[str, ...]:
    if row.implicit_us is None or row.ratios is None:
        return ("",) * 4
    (alone, installed), (over_alone, over_installed) = row.implicit_us, row.ratios
    return f"{alone / 1000:.1f}", f"**{over_alone:,.0f}×**", f"{installed / 1000:.1f}", f"{over_installed:,.0f}×"


def endtoend_section(quick: bool) -> str:
    """GET /v1/feed against a constant route."""
    row = endtoend.run(items=20_000, readers=200, requests=1000) if quick else endtoend.run()
    head = ("items", "feed/s", "p50 ms", "p99 ms", "constant/s", "ratio", "rounds", "Servings dropped")
    cells = (
        f"{row.items:,}",
        f"{row.feed_per_second:,.0f}",
        f"{row.feed_p50_ms:.2f}",
        f"{row.feed_p99_ms:.2f}",
        f"{row.constant_per_second:,.0f}",
        f"**{row.ratio:.2f}**",
        ", ".join(f"{ratio:.2f}" for ratio in row.ratios),
        row.dropped_servings,
    )
    return (
        "## GET /v1/feed over HTTP, embedded\n\n"
        "30 items, authorised, personalized, every Serving recorded, against a FastAPI route of the same application\n"
        "that returns prebuilt bytes of the same size; measured in turn. Repeat: `make bench`.\n\n"
        + table(head, [cells])
    )


def policies_section(quick: bool) -> str:
    """Compiling a policy over a catalogue."""
    row = policies.run(items=20_000 if quick else 1_000_000)
    head = ("rules", "items", "compiled in s", "one changed item µs")
    cells = (row.rules, f"{row.items:,}", f"{row.seconds:.2f}", f"{row.one_item_us:.0f}")
    return "## Compiling a policy\n\nRepeat: `python -m benchmarks.policies`.\n\n" + table(head, [cells])


def ingestion_section(quick: bool) -> str:
    """Durable writes against the raw driver."""
    made = ingestion.run(rounds=2, events=2000, decisions=1000) if quick else ingestion.run()
    events = table(
        ("events a batch", "in flight", "durable/s", "executemany/s", "ratio"),
        [
            (row.batch, row.in_flight, f"{row.per_second:,.0f}", f"{row.raw_per_second:,.0f}", f"**{row.ratio:.2f}**")
            for row in made.events
        ],
    )
    ledger = table(
        ("in flight", "decisions/s", "one commit each/s", "ratio", "p99 ms", "longest wait ms"),
        [
            (
                row.in_flight,
                f"{row.per_second:,.0f}",
                f"{row.single_commits_per_second:,.0f}",
                f"{row.ratio:.0f}×",
                f"{row.p99_ms:.1f}",
                f"{row.longest_ms:.1f}",
            )
            for row in made.ledger
        ],
    )
    return (
        "## Durable writes (SQLite, WAL, synchronous=FULL)\n\n"
        "The peer is raw `executemany` of the same rows into the same columns and unique index, in turn.\n"
        "Repeat: `python -m benchmarks.ingestion`.\n\n" + events + "\n" + ledger
    )


SECTIONS: dict[str, Callable[[bool], str]] = {
    "kernel": kernel_section,
    "feed": endtoend_section,
    "policies": policies_section,
    "ingestion": ingestion_section,
}


def main() -> None:
    """Measure the named sections, or all of them and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure small, print, write nothing")
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="only these sections; write nothing")
    asked = parser.parse_args()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    text = _HEAD.format(
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", load=load
    )
    for name in asked.section or SECTIONS:
        print(f"measuring: {name}", file=sys.stderr)
        section = SECTIONS[name](asked.quick)
        print(section, flush=True)
        text += section + "\n"
    if not asked.quick and not asked.section:
        REPORT.write_text(text.rstrip() + "\n", encoding="utf-8")
        print(f"wrote {REPORT.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
