"""The report's sections on ranking, each measured when it is asked for."""

from __future__ import annotations

import sys

from benchmarks import concurrency, kernel, peers, sessions, touched, truncation
from benchmarks.markdown import Scale, Section, microseconds, table, times
from benchmarks.timing import versions


def told(line: str) -> None:
    """A line on what is being measured."""
    print(f"  {line}", file=sys.stderr, flush=True)


def kernel_section(scale: Scale) -> Section:
    """rank() by history, blocked share, graph and catalogue size."""
    rounds = 3 if scale.quick else 10
    made = kernel.run(scale.items, scale.up_to(scale.largest), rounds=rounds, told=told)
    head = ("items", "blocked", "graph", "history", "read", "p50 µs", "p99 µs", "own p50 µs", "own p99 µs", "short")

    def cells(row: kernel.KernelRow) -> tuple[object, ...]:
        spread = (row.spread.p50_us, row.spread.p99_us, row.spread.p50_own_us, row.spread.p99_own_us)
        situation = (f"{row.items:,}", f"{row.blocked:.0%}", row.graph, f"{row.history:,}", f"{row.read:,}")
        return (*situation, *map(microseconds, spread), row.short)

    text = (
        "## rank(), governance included, one core\n\n"
        f"{kernel.ITEMS_WANTED} items a page, item graph of width {kernel.WIDTH}, a policy with three rules; every\n"
        f"request is another one of {kernel.READERS:,} readers. Uniform neighbours have no locality at all: the worst\n"
        "case. *read* is how much of the history counts: 50 unless parameters ask for more. *own* is the\n"
        "thread's processor time: what is left when the time slices that others got are taken out. *short*: pages of\n"
        "fewer items than wanted. *mapped file* is the graph as a server holds it, in pages of a file.\n"
        "Repeat: `python -m benchmarks kernel`.\n\n"
        + table(head, map(cells, made.rows))
        + "\nGrowth, all sizes in memory at once and timed in turn. The catalogues' columns are made as arrays and\n"
        "their ids counted (`benchmarks/synthetic.py`), as the journal of ten million items takes minutes to fold.\n\n"
        + table(head, map(cells, made.growth))
    )
    return Section(text, made.results(), made.growth)


def touched_section(scale: Scale) -> Section:
    """Where the time goes."""
    made = touched.run(scale.items, rounds=3 if scale.quick else 10)
    head = ("part of a page", "µs", "lines that must come from memory", "kB", "µs to copy just these")
    cells = [
        (
            part.name,
            microseconds(part.us),
            part.lines or "",
            f"{part.lines * touched.LINE / 1000:.0f}" if part.lines else "",
            "" if part.copied_us is None else microseconds(part.copied_us),
        )
        for part in made.parts
    ]
    text = (
        "## Where the time of a page goes\n\n"
        f"{made.items:,} items, half of them blocked, {made.union:,} distinct neighbours gathered a page on average.\n"
        "Parts are told apart by pages that leave some out; beside each stand the cache lines of 64 bytes, far apart\n"
        "in memory, that it cannot do without, and what numpy takes to copy them and do nothing else.\n"
        "Repeat: `python -m benchmarks touched`.\n\n" + table(head, cells, words=1)
    )
    return Section(text, made.results())


def sessions_section(scale: Scale) -> Section:
    """Deep sessions and fill."""
    made = sessions.run(scale.items, sessions=10 if scale.quick else 200, told=told)
    depths = [f"{place * kernel.ITEMS_WANTED}" for place in (0, 1, 4, 9)]
    head = ("surface", "blocked", "eligible", "pages", "short pages", *(f"p50 µs at {depth}" for depth in depths))
    cells = [
        (
            row.surface,
            f"{row.blocked:.0%}",
            f"{row.pool:,}",
            f"{row.pages:,}",
            f"**{row.short}**",
            *(microseconds(row.p50_us[place]) if place < len(row.p50_us) else "" for place in (0, 1, 4, 9)),
        )
        for row in made.rows
    ]
    text = (
        "## Deep sessions, and no short page\n\n"
        f"Sessions of {sessions.LONGEST} items, {kernel.ITEMS_WANTED} a page, over {scale.items:,} items. A page is\n"
        "short when it has fewer items than wanted while its pool still holds an eligible one that the session has\n"
        "not had. Repeat: `python -m benchmarks sessions`.\n\n" + table(head, cells, words=1)
    )
    return Section(text, made.results())


def concurrency_section(scale: Scale) -> Section:
    """Two threads against one."""
    made = concurrency.run(scale.items, rounds=3 if scale.quick else 7)
    head = ("history read", "threads", "pages/s alone", "pages/s together", "ratio", "cores they got")
    cells = [
        (
            f"{row.history:,}",
            row.threads,
            f"{row.alone_per_second:,.0f}",
            f"{row.together_per_second:,.0f}",
            f"**{row.ratio:.2f}**",
            f"{row.cores_used:.2f}",
        )
        for row in made.rows
    ]
    text = (
        "## Several requests at once\n\n"
        f"Threads over one Snapshot on {made.cores} cores. The kernel runs without the interpreter's lock, handing\n"
        "its arguments over does not. *Cores they got* is the processor time that the threads had for each second:\n"
        "where it is far below their number, others had the cores, and the ratio tells nothing about the lock.\n"
        "Repeat: `python -m benchmarks concurrency`.\n\n" + table(head, cells)
    )
    return Section(text, made.results())


def peers_section(scale: Scale) -> Section:
    """rank() and the vector peers."""
    sizes = (scale.items,) if scale.quick else scale.up_to(scale.items)
    made = peers.run(sizes, rounds=2 if scale.quick else 4, seconds=0.05 if scale.quick else 0.25, told=told)
    head = ("contender", "setting", "p50 µs", "own p50 µs", "recall", "blocked items", "over rank()")
    text = (
        "## Peers, in the same run\n\n"
        f"The best {kernel.ITEMS_WANTED} among the allowed items, one core each, in turn. The vector peers\n"
        "answer over 64-dimensional unit vectors in clusters, the friendly case for them; rank() over uniform\n"
        "random neighbours, its worst. Recall is the share of the exact governed top of the contender's *own*\n"
        "model that it gave out. rank() is asked for just that; whole pages, as shipped and as the latency\n"
        "plot shows them, have turns of other sources, windows of authors, a re-rank by topics and\n"
        "exploration besides, and votes that fade with what was chosen since: another list on purpose, and\n"
        "its recall of the plain order tells how far. rank() reads a history and answers with tiers, shares,\n"
        "reasons and provenance; the peers answer with ids. Of each peer the fastest setting that recalls .95\n"
        "is shown, or the one that recalls most; all settings are in the plot. hnswlib filters through a\n"
        "Python function that is called for every item looked at, which makes it unfit for hard filters from\n"
        "Python; usearch has no filter in Python: more are fetched, and the blocked ones left out. *own* is\n"
        "processor time, and *over rank()* its ratio: a request of milliseconds is interrupted by whoever\n"
        "shares the machine, one of microseconds is not, and the wall clock would flatter rank().\n"
        f"{versions('implicit', 'faiss-cpu', 'hnswlib', 'usearch', 'numpy')}.\n"
        "Repeat: `python -m benchmarks peers`.\n\n"
        "![Latency against catalogue size](docs/plots/latency.svg)\n\n"
        "![Recall against latency](docs/plots/recall.svg)\n"
    )
    for items, blocked in dict.fromkeys((row.items, row.blocked) for row in made.rows if row.items >= sizes[-1] // 10):
        best = made.best(items, blocked)
        ours = best[0].spread.p50_own_us
        cells = [
            (
                f"**{row.name}**" if row.name in (peers.OURS, peers.WHOLE) else row.name,
                row.setting,
                microseconds(row.spread.p50_us),
                microseconds(row.spread.p50_own_us),
                f"{row.recall:.3f}",
                row.violations,
                "" if row.name == peers.OURS else times(row.spread.p50_own_us / ours),
            )
            for row in best
        ]
        text += f"\n{items:,} items, {blocked:.0%} blocked:\n\n" + table(head, cells, words=2)
    return Section(text + _starved(made) + _built(made), made.results(), made.rows)


def _starved(made: peers.Peers) -> str:
    shown: dict[str, peers.StarvedRow] = {}
    for row in made.starved:
        if row.name not in shown or row.given > shown[row.name].given:
            shown[row.name] = row
    ours = shown[peers.OURS].given
    head = ("contender", "setting", "allowed items given", "blocked items given")
    cells = [(row.name, row.setting, f"{row.given:.1f}", f"**{row.violations:.1f}**") for row in shown.values()]
    return (
        f"\nWith {ours:.0f} items allowed in the whole catalogue and {kernel.ITEMS_WANTED} wanted, of each its best\n"
        "setting, items a page on average (implicit gives out what it was told to filter, at the lowest score):\n\n"
        + table(head, cells, words=2)
    )


def _built(made: peers.Peers) -> str:
    left = f"Left out, as building the others had taken {peers.PATIENCE:.0f} s: {', '.join(made.left_out)}.\n"
    head = ("index", "items", "built in s", "holds MB")
    cells = [(row.name, f"{row.items:,}", f"{row.seconds:.1f}", f"{row.megabytes:,.0f}") for row in made.built]
    return (
        "\nBuilding the indexes, with a thread a core, vectors given (numpy and implicit search the vectors as they\n"
        f"are). An item graph of width {kernel.WIDTH} holds {6 * kernel.WIDTH} bytes an item; what its training takes\n"
        "is told in [docs/building.md](docs/building.md).\n"
        + (left if made.left_out else "")
        + "\n"
        + table(head, cells, words=1)
    )


def truncation_section(scale: Scale) -> Section:
    """Recall of graphs over that of their dense models."""
    made = truncation.run(rows=600 if scale.quick else truncation.MOST_ROWS)
    head = ("data", "model", "neighbours", "blocked", "dense Recall@20", "graph Recall@20", "difference, 95 %", "ratio")
    cells = [
        (
            row.data,
            row.model,
            row.width,
            f"{row.found.blocked:.0%}",
            f"{row.found.dense_recall:.4f}",
            f"{row.found.graph_recall:.4f}",
            f"{row.found.difference.low:+.4f} to {row.found.difference.high:+.4f}",
            f"**{row.found.ratio:.3f}**",
        )
        for row in made.rows
    ]
    kept = ", ".join(f"{name} {width}" for name, width in truncation.KEPT.items())
    text = (
        "## What cutting a model down to a graph costs\n\n"
        "Held-out recall of the graph over that of the same model before it is cut and rounded. MovieLens\n"
        "`ml-latest-small` where `WEIR_DATA` names a folder with it, each reader's latest fifth held out and its\n"
        f"{truncation.MOST_ROWS:,} most rated films; else drawn interactions. Neighbours kept\n"
        f"unless told otherwise: {kept}. Intervals: paired bootstrap over readers. Repeat:\n"
        "`WEIR_DATA=<folder> python -m benchmarks truncation`.\n\n" + table(head, cells, words=2)
    )
    return Section(text, made.results())
