"""How the quality of a model is shown: beside popularity, with the interval of the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from experiments.holdout import Report
from experiments.served import Served
from feed.cli.speaking import print_table, remark

_SHOWN = "@20"
"""Ending of the measures that are shown."""

_ABSENT = "–"


def print_report(report: Report, standing: Mapping[str, float] | None = None) -> None:
    """A table of measures: the model, the active one where it was judged too, and popularity; – for what the data does
    not tell."""
    told = report.as_json()
    popularity, over = told["popularity"], told["over_popularity"]
    columns = ["measure", report.graph.trainer, *(["the active one"] if standing else []), "popularity", "gained"]
    rows = []
    for name in (name for name in told if name.endswith(_SHOWN)):
        active = [_figure(standing.get(name))] if standing else []
        rows.append([name, _figure(told[name]), *active, _figure(popularity[name]), _gained(over.get(name))])
    for tried in told["tried"]:
        made = ", ".join(f"{name}={value}" for name, value in tried["parameters"].items())
        outcome = (
            tried["refused"] or f"{tried['metrics']['ndcg@20']:.4f} ndcg@20 on validation, {tried['seconds']:.1f} s"
        )
        remark(f"{tried['model']} {made}: {outcome}".replace(" :", ":"))
    print_table(f"{int(told['readers'])} readers with held-out events", columns, rows)
    for cut in report.truncations:
        where = f"{cut.blocked:.0%} of the items blocked" if cut.blocked else "nothing blocked"
        difference = _gained(cut.difference.as_json())
        typer.echo(f"recall of the graph over its dense model, {where}: {cut.ratio:.4f}; difference {difference}")
    if report.peered is not None:
        peer = report.peered.as_json()
        rows = [
            [name, _figure(report.peered.ours.metrics()[name]), _figure(peer["metrics"][name]), _gained(gained)]
            for name, gained in peer["over"].items()
        ]
        columns = ["measure", report.graph.trainer, peer["model"], "gained"]
        print_table("beside the best model of the implicit library", columns, rows)
    typer.echo(f"trained in {report.seconds:.1f} s")


def print_served(served: Served) -> None:
    """A table of measures of whole pages, without a re-rank by topics and with it."""
    told = served.as_json()
    before, after, over = told["without"], told["with"], told["difference"]
    rows = [
        [name, _figure(before[name]), _figure(after[name]), _gained(over.get(name))]
        for name in before
        if name.endswith(_SHOWN)
    ]
    made = ", ".join(f"{name}={value}" for name, value in told["rerank"].items())
    print_table(f"pages as served, without a re-rank and with {made}", ["measure", "without", "with", "gained"], rows)


def _figure(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.4f}"


def _gained(interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['estimate']:+.4f} ({interval['low']:+.4f} to {interval['high']:+.4f})"
