"""The report's sections on what came after one process: events over HTTP, and the grown form."""

from __future__ import annotations

from benchmarks import grown, posting
from benchmarks.markdown import Scale, Section, table


def posting_section(scale: Scale) -> Section:
    """Events over HTTP, and pages made again."""
    row = posting.run(rounds=2, batches=5, items=2000, readers=50) if scale.quick else posting.run()
    text = (
        "## Events over HTTP (embedded), and pages made again\n\n"
        f"{posting.BATCH:,} events a batch over {posting.CONNECTIONS} connections, each durable before its answer;\n"
        "the client runs on the same cores. The peer is raw `executemany` of the same rows, in turn. Then the newest\n"
        "pages are made again from their Servings by `weir replay`. Repeat: `python -m benchmarks posting`.\n\n"
        + table(
            ("durable/s", "executemany/s", "ratio", "pages replayed", "identical"),
            [
                (
                    f"{row.per_second:,.0f}",
                    f"{row.raw_per_second:,.0f}",
                    f"**{row.ratio:.2f}**",
                    f"{row.replayed:,}",
                    f"**{row.identical:.0%}**",
                )
            ],
        )
    )
    return Section(text, {"events_http_over_executemany": round(row.ratio, 3), "replay_identical": row.identical})


def grown_section(scale: Scale) -> Section:
    """The grown form: pages of one worker, and decisions obeyed by four."""
    if not grown.available():
        return Section("## The grown form\n\nNot measured: PostgreSQL or Redis is not installed.\n")
    quick = scale.quick
    feed = grown.feed(items=2000, readers=50, requests=300) if quick else grown.feed()
    spread = grown.propagation(items=2000, decisions=20) if quick else grown.propagation()
    text = (
        "## The grown form (PostgreSQL, Redis)\n\n"
        "One worker, readers' states shared in Redis: GET /v1/feed against a constant route of the same application,\n"
        "in turn. Then four workers on these cores, with the database, Redis and those who look through pages all\n"
        "the time: milliseconds from a decision's commit until every worker obeyed it and nobody was answered from\n"
        "before, and pages asked for after that answer that still had the item.\n"
        "Repeat: `python -m benchmarks grown`.\n\n"
        + table(
            ("items", "feed/s", "p50 ms", "p99 ms", "constant/s", "ratio", "rounds"),
            [
                (
                    f"{feed.items:,}",
                    f"{feed.feed_per_second:,.0f}",
                    f"{feed.feed_p50_ms:.2f}",
                    f"{feed.feed_p99_ms:.2f}",
                    f"{feed.constant_per_second:,.0f}",
                    f"**{feed.ratio:.2f}**",
                    ", ".join(f"{ratio:.2f}" for ratio in feed.ratios),
                )
            ],
        )
        + "\n"
        + table(
            (
                "workers",
                "decisions",
                "p50 ms",
                "p99 ms",
                "longest ms",
                "lagging",
                "pages looked at",
                "a second",
                "leaked",
            ),
            [
                (
                    grown.WORKERS,
                    spread.decisions,
                    f"{spread.p50_ms:.1f}",
                    f"**{spread.p99_ms:.1f}**",
                    f"{spread.longest_ms:.1f}",
                    spread.lagging,
                    f"{spread.pages:,}",
                    f"{spread.pages_per_second:.0f}",
                    f"**{spread.leaked}**",
                )
            ],
        )
    )
    figures = {
        "feed_over_constant_grown": round(feed.ratio, 3),
        "propagation_4_p50_ms": round(spread.p50_ms, 1),
        "propagation_4_p99_ms": round(spread.p99_ms, 1),
        "propagation_4_leaked": spread.leaked,
    }
    return Section(text, figures)
