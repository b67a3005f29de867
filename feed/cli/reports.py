"""How the quality of a model is shown: beside popularity, with the interval of the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from experiments.holdout import Report
from feed.cli.speaking import print_table, remark

_SHOWN = ("recall@20", "ndcg@20", "coverage@20", "gini@20", "novelty@20")


def print_report(report: Report, standing: Mapping[str, float] | None = None) -> None:
    """A table of measures: the model, the active one where it was judged too, and popularity."""
    told = report.as_json()
    popularity, over = told["popularity"], told["over_popularity"]
    columns = ["measure", report.graph.trainer, *(["the active one"] if standing else []), "popularity", "gained"]
    rows = []
    for name in _SHOWN:
        active = [f"{standing.get(name, float('nan')):.4f}"] if standing else []
        rows.append([name, f"{told[name]:.4f}", *active, f"{popularity[name]:.4f}", _gained(over.get(name))])
    for tried in told["tried"]:
        made = ", ".join(f"{name}={value}" for name, value in tried["parameters"].items())
        outcome = (
            tried["refused"] or f"{tried['metrics']['ndcg@20']:.4f} ndcg@20 on validation, {tried['seconds']:.1f} s"
        )
        remark(f"{tried['model']} {made}: {outcome}".replace(" :", ":"))
    print_table(f"{int(told['readers'])} readers with held-out events", columns, rows)
    typer.echo(f"trained in {report.seconds:.1f} s")


def _gained(interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['estimate']:+.4f} ({interval['low']:+.4f} to {interval['high']:+.4f})"
