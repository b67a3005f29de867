"""The report's sections on the service: the feed over HTTP, policies, and durable writes."""

from __future__ import annotations

from benchmarks import endtoend, ingestion, ledger, policies, swaps
from benchmarks.markdown import Scale, Section, table


def endtoend_section(scale: Scale) -> Section:
    """GET /v1/feed against a constant route."""
    row = endtoend.run(items=20_000, readers=200, requests=1000) if scale.quick else endtoend.run()
    head = (
        "items",
        "feed/s",
        "p50 ms",
        "p99 ms",
        "constant/s",
        "ratio",
        "rounds",
        "by processor time",
        "Servings dropped",
    )
    cells = (
        f"{row.items:,}",
        f"{row.feed_per_second:,.0f}",
        f"{row.feed_p50_ms:.2f}",
        f"{row.feed_p99_ms:.2f}",
        f"{row.constant_per_second:,.0f}",
        f"**{row.ratio:.2f}**",
        ", ".join(f"{ratio:.2f}" for ratio in row.ratios),
        f"{row.processor_ratio:.2f}",
        row.dropped_servings,
    )
    text = (
        "## GET /v1/feed over HTTP, embedded\n\n"
        "30 items, authorised, personalized, every Serving recorded before a turn ends, against a FastAPI route of\n"
        "the same application that returns prebuilt bytes of the same size; in turn. By processor time: what a\n"
        "constant answer takes of the server's over what a page takes, recording included.\n"
        "Repeat: `python -m benchmarks feed`.\n\n" + table(head, [cells])
    )
    figures = {
        "feed_over_constant": round(row.ratio, 3),
        "feed_over_constant_processor": round(row.processor_ratio, 3),
        "feed_p99_ms": round(row.feed_p99_ms, 2),
    }
    return Section(text, figures)


def swaps_section(scale: Scale) -> Section:
    """GET /v1/feed while models are swapped, against the same server left alone."""
    row = swaps.run(items=20_000, readers=200, requests=500, rounds=2) if scale.quick else swaps.run()
    quiet, amid = ("quiet p50 ms", "p99 ms"), ("amid swaps p50 ms", "p99 ms")
    head = ("items", "graph MB", *quiet, *amid, "p99 ratio", "rounds", "swap ms")
    cells = (
        f"{row.items:,}",
        f"{row.graph_mb:.0f}",
        f"{row.quiet_p50_ms:.2f}",
        f"{row.quiet_p99_ms:.2f}",
        f"{row.swap_p50_ms:.2f}",
        f"{row.swap_p99_ms:.2f}",
        f"**{row.swap_p99_over_quiet:.2f}**",
        ", ".join(f"{ratio:.2f}" for ratio in row.rounds),
        f"{row.swap_ms:.0f}",
    )
    text = (
        "## GET /v1/feed while models are swapped\n\n"
        f"{row.swaps} swaps, one after the other without a pause, each to a model that is not loaded: its file is\n"
        "mapped and checked, the decision appended and obeyed. No request failed. Quiet and amid swaps in turn; a\n"
        "swap takes as long as its request. Repeat: `python -m benchmarks swaps`.\n\n" + table(head, [cells])
    )
    return Section(
        text,
        {"swap_p99_over_quiet": round(row.swap_p99_over_quiet, 3), "swap_ms": round(row.swap_ms, 1)},
    )


def policies_section(scale: Scale) -> Section:
    """Compiling a policy over a catalogue."""
    row = policies.run(items=20_000 if scale.quick else 1_000_000)
    head = ("rules", "items", "compiled in s", "one changed item µs")
    cells = (row.rules, f"{row.items:,}", f"{row.seconds:.2f}", f"{row.one_item_us:.0f}")
    text = "## Compiling a policy\n\nRepeat: `python -m benchmarks policies`.\n\n" + table(head, [cells])
    return Section(
        text, {"policy_compile_100x1m_s": round(row.seconds, 3), "policy_one_item_us": round(row.one_item_us, 1)}
    )


def ingestion_section(scale: Scale) -> Section:
    """Durable writes against the raw driver."""
    made = ingestion.run(rounds=2, events=2000, decisions=1000) if scale.quick else ingestion.run()
    events = table(
        ("events a batch", "in flight", "durable/s", "executemany/s", "ratio"),
        [
            (row.batch, row.in_flight, f"{row.per_second:,.0f}", f"{row.raw_per_second:,.0f}", f"**{row.ratio:.2f}**")
            for row in made.events
        ],
    )
    single = table(
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
    text = (
        "## Durable writes (SQLite, WAL, synchronous=FULL)\n\n"
        "The peer is raw `executemany` of the same rows into the same columns and unique index, in turn.\n"
        "Repeat: `python -m benchmarks ingestion`.\n\n" + events + "\n" + single
    )
    figures = {key: round(value, 2) for key, value in made.results().items()}
    figures |= {f"events_{row.batch}_in_flight_{row.in_flight}_over_raw": round(row.ratio, 2) for row in made.events}
    for row in made.ledger:
        figures[f"ledger_in_flight_{row.in_flight}_per_second"] = round(row.per_second)
        figures[f"ledger_in_flight_{row.in_flight}_longest_ms"] = round(row.longest_ms, 1)
    return Section(text, figures)


def ledger_section(scale: Scale) -> Section:
    """Appends in batches, and inclusion proofs."""
    made = ledger.run(rounds=2, decisions=1000, entries=20_000, proofs=300) if scale.quick else ledger.run()
    appends, proofs = made.appends, made.proofs
    text = (
        "## The ledger (SQLite, WAL, synchronous=FULL)\n\n"
        "Decisions appended in batches with leaves, commitments and the tree, against raw `executemany` of the\n"
        "finished rows, in turn; and inclusion proofs of random revisions, read from the store.\n"
        "Repeat: `python -m benchmarks ledger`.\n\n"
        + table(
            ("appends/s", "executemany/s", "ratio", "appends a CPU second", "median wait ms", "longest wait ms"),
            [
                (
                    f"{appends.per_second:,.0f}",
                    f"{appends.raw_per_second:,.0f}",
                    f"**{appends.ratio:.2f}**",
                    f"{appends.per_cpu_s:,.0f}",
                    f"{appends.median_wait_ms:.1f}",
                    f"{appends.longest_wait_ms:.1f}",
                )
            ],
        )
        + "\n"
        + table(
            ("entries", "first proof ms", "p50 ms", "p99 ms"),
            [(f"{proofs.entries:,}", f"{proofs.first_ms:.1f}", f"{proofs.p50_ms:.2f}", f"**{proofs.p99_ms:.2f}**")],
        )
    )
    return Section(text, {key: round(value, 2) for key, value in made.results().items()})
