"""A load's result as two tables: what became of each rate, and latencies by kind at the highest rate sustained."""

from __future__ import annotations

from benchmarks.load_mix import SHARES
from benchmarks.load_steps import Latency, Level, Result
from benchmarks.markdown import table


def tables(result: Result) -> str:
    """Both tables in Markdown."""
    head: tuple[str, ...] = (
        "rate",
        "offered/s",
        "answered/s",
        "feed p50",
        "p95",
        "p99 ms",
        "events p99 ms",
        "decisions p99 ms",
    )
    head += ("shed", "unexpected", "RSS MB", "cores", "client late ms")
    text = table(head, [_row(level) for level in result.levels], words=1)
    best = next((level for level in reversed(result.levels) if level.name == "rising" and not level.saturated), None)
    if best is None:
        return text + "\nNo rate was sustained.\n"
    rows = [
        (kind, f"{SHARES[kind]:.0%}", one.count, f"{one.p50_ms:.2f}", f"{one.p95_ms:.2f}", f"{one.p99_ms:.2f}")
        for kind, one in sorted(best.latencies.items(), key=lambda pair: -SHARES.get(pair[0], 0))
        if kind in SHARES
    ]
    return (
        f"{text}\nBy kind, at {best.offered:,.0f} requests a second, the highest rate sustained; from the moment each\n"
        "was planned for:\n\n" + table(("kind", "share", "answers", "p50 ms", "p95 ms", "p99 ms"), rows, words=1)
    )


def _row(level: Level) -> tuple[object, ...]:
    def of(kind: str) -> Latency:
        return level.latencies.get(kind, Latency(0, 0, 0, 0))

    feed = of("feed")
    return (
        level.name + (", saturated" if level.saturated else ""),
        f"{level.offered:,.0f}",
        f"{level.answered:,.0f}",
        f"{feed.p50_ms:.1f}",
        f"{feed.p95_ms:.1f}",
        f"{feed.p99_ms:.1f}",
        f"{of('events').p99_ms:.1f}",
        f"{of('decisions').p99_ms:.1f}",
        level.shed,
        ", ".join(f"{count} {what}" for what, count in level.unexpected.items()) or 0,
        f"{level.resident_mb:,.0f}",
        f"{level.cpu:.2f}",
        f"{level.client_late_ms:.1f}",
    )
