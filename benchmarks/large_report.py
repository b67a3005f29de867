"""The report's sections on pages of a large store: a million items and a million readers, embedded and grown."""

from __future__ import annotations

from benchmarks import grown, large
from benchmarks.filling import REGULARS
from benchmarks.large import Large
from benchmarks.markdown import Scale, Section, table
from benchmarks.server import HISTORY

_DRAWN = {
    "regular": f"the {REGULARS:,} regular ones",
    "often": "by Zipf's law, exponent 1",
    "anybody": "evenly",
}


def large_section(scale: Scale) -> Section:
    """GET /v1/feed with many readers, embedded."""
    made = large.run(items=20_000, readers=20_000, requests=300, states=2000) if scale.quick else large.run()
    text = (
        "## GET /v1/feed with a million items and a million readers, embedded\n\n"
        "As above; readers are drawn in three ways. Some were asked for before, those who come most often first: they\n"
        f"are in memory, of the others a page reads the store. Regular ones have {HISTORY} votes each, all others as\n"
        "many as the store has a reader. Unread: pages that waited for their reader in vain (WEIR_READER_PATIENCE).\n"
        "Repeat: `python -m benchmarks crowd`.\n\n"
    )
    return _section(text, made, "feed_over_constant_1m")


def crowded_section(scale: Scale) -> Section:
    """GET /v1/feed with many readers, over PostgreSQL and Redis."""
    if not grown.available():
        return Section("## The grown form with many readers\n\nNot measured: PostgreSQL or Redis is not installed.\n")
    made = grown.crowded(items=20_000, readers=20_000, requests=300, states=500) if scale.quick else grown.crowded()
    text = (
        "## The grown form with a million items and a million readers\n\n"
        "The same of one worker over PostgreSQL and Redis: a reader who is not in memory is looked for in Redis, then\n"
        "in the database; whoever was asked for a minute ago, in Redis again.\n"
        "Repeat: `python -m benchmarks grown-crowd`.\n\n"
    )
    return _section(text, made, "feed_over_constant_grown_1m")


def _section(text: str, made: Large, key: str) -> Section:
    times = ("feed/s", "p50 ms", "p99 ms", "constant/s", "ratio", "rounds", "by processor time")
    head = ("drawn", "in memory", "unread", *times)
    pages = [
        (
            _DRAWN[row.drawn],
            f"{row.in_memory:.0%}",
            f"{row.unread:,}",
            f"{row.both.feed_per_second:,.0f}",
            f"{row.both.feed_p50_ms:.2f}",
            f"{row.both.feed_p99_ms:.2f}",
            f"{row.both.constant_per_second:,.0f}",
            f"**{row.both.ratio:.2f}**",
            ", ".join(f"{ratio:.2f}" for ratio in row.both.ratios),
            f"{row.both.processor_ratio:.2f}",
        )
        for row in made.rows
    ]
    held = (
        f"{made.items:,}",
        f"{made.readers:,}",
        f"{made.events:,}",
        f"{made.filled_s:.0f}",
        f"{made.own_before / 1e6:,.0f}",
        f"{made.shared / 1e6:,.0f}",
        f"{made.states:,}",
        f"{made.state_bytes / 1e6:,.1f}",
        f"{(made.own_after - made.own_before) / 1e6:,.1f}",
    )
    names = (
        "items",
        "readers",
        "events",
        "filled in s",
        "server MB",
        "shared files MB",
        "states",
        "told MB",
        "grown MB",
    )
    words = (
        "\nThe server's memory: its own before it took readers' states in, and of files that processes share; then\n"
        "how many it took in, what it tells of all (`weir_reader_state_bytes`), and by how much it grew.\n\n"
    )
    figures = {f"{key}_{row.drawn}": round(row.both.ratio, 3) for row in made.rows}
    figures |= {f"{key}_{row.drawn}_processor": round(row.both.processor_ratio, 3) for row in made.rows}
    figures |= {f"{key}_server_mb": round(made.own_before / 1e6)}
    return Section(text + table(head, pages, words=1) + words + table(names, [held]), figures)
