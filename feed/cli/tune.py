"""``weir tune``: which model with which parameters suits this data, searched on a part of the training data alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from feed.cli.evaluate import Seed
from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, print_table, progress_bar, remark, settings_for

if TYPE_CHECKING:
    from experiments.tuning import Tuning
    from ranking.interactions import Interactions
    from ranking.models import Progress

MODELS = ("spectral", "ease", "als", "neighbours", "blend", "all")
"""What may be tuned, so that `--help` need not load it; a test holds it true."""

_SHOWN = 10


def tune(
    train: Annotated[
        Path | None, typer.Option(help="Training file: on each line a reader, then items; otherwise the store.")
    ] = None,
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}: every family and blends of them.")] = "all",
    trials: Annotated[int, typer.Option(min=1, help="Trials of each family, and of blends.")] = 20,
    peer_trials: Annotated[
        int, typer.Option(min=0, help="Trials of each model of the implicit library, to compare with.")
    ] = 4,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Begin no trial after so many minutes; confirming comes after.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the finding is written; trials stand in FILE.journal.")
    ] = Path("weir-tuned.json"),
    home: Home = None,
    json: Json = False,
) -> None:
    """Search for model and parameters on a validation part of the training data, and confirm on a part left aside.

    Ctrl-C or a kill loses at most the trial in hand: the same command goes on after the last one in the journal.
    """
    from experiments.trial_journal import journal
    from experiments.tuning import Budget, families
    from experiments.tuning import tune as tuned

    families(model)
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise BadInput(f"--out {out} is no file in a folder that exists; name one")
    if train is not None and home is not None:
        raise BadInput("--train and --home are two sources; name one of them")
    budget = Budget(trials, peer_trials, None if minutes is None else minutes * 60)
    with progress_bar() as bar:
        interactions = _interactions(train, home, bar.share)
        search = {"data": interactions.digest(), "seed": seed}
        with journal(out.with_name(out.name + ".journal"), search) as kept:
            if kept.tried:
                remark(f"{len(kept.tried)} trials are in the journal already")
            found = tuned(
                interactions,
                kept,
                model=model,
                budget=budget,
                seed=seed,
                progress=bar.share,
                clock=perf_counter,
            )
    told = found.as_json()
    beside = out.with_name(f".{out.name}.{os.getpid()}.new")
    beside.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    os.replace(beside, out)
    if json:
        print_json(told)
    else:
        _print(found, told, out)


def _interactions(train: Path | None, home: Path | None, progress: Progress) -> Interactions:
    if train is not None:
        from experiments.splits import read_one

        return read_one(train, progress)
    from feed.cli.stores import reading
    from feed.models.training import interactions_of

    with reading(settings_for(home)) as (store, snapshot):
        return interactions_of(store, snapshot.catalogue)


def _print(found: Tuning, told: Mapping[str, Any], out: Path) -> None:
    score = f"ndcg@{found.k}"
    ranked = sorted((each for each in found.tried if not each.refused), key=lambda each: -each.quality(found.k))
    rows = [
        [
            each.candidate.model,
            f"{each.metrics[score]:.4f}",
            f"{each.metrics[f'recall@{found.k}']:.4f}",
            f"{each.seconds:.1f} s",
            words(each.candidate.parameters),
        ]
        for each in ranked[:_SHOWN]
    ]
    print_table(f"the best of {len(found.tried)} trials, on validation", ["model", score, "recall", "", "with"], rows)
    for refused in sorted({each.refused for each in found.tried if each.refused}):
        remark(refused)
    rows = []
    for name, metrics in told["confirmed"].items():
        over = told["over"].get(name, {})
        for measure in (f"recall@{found.k}", score):
            rows.append([_named(name, found), measure, f"{metrics[measure]:.4f}", _interval(over.get(measure))])
    print_table("confirmed on readers' entries left aside", ["model", "measure", "", "the best over it"], rows)
    if not found.complete:
        remark("the time was over before all trials were made; the same command goes on")
    typer.echo(f"{told['model']} is written to {out}; `weir train --parameters {out}` trains it")


def words(parameters: Mapping[str, Any]) -> str:
    """Parameters in one line."""
    made = []
    for name, value in parameters.items():
        made.append(f"{name}=({words(value)})" if isinstance(value, Mapping) else f"{name}={value}")
    return ", ".join(made) or "its defaults"


def _named(name: str, found: Tuning) -> str:
    if name == "peer" and found.peer is not None:
        return found.peer.candidate.model
    if name == "alone":
        return "the best model that is no blend"
    return f"{found.best.candidate.model} {'as found' if name == 'best' else 'by default'}"


def _interval(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['estimate']:+.4f} ({interval['low']:+.4f} to {interval['high']:+.4f})"
