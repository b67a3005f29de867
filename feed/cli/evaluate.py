"""``weir evaluate``: how good a model is, on a published pair of files or on the store by time."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from feed.cli.failures import BadInput
from feed.cli.parameters import Dense, Parameter, ParametersFile, Peers, asked
from feed.cli.speaking import Home, Json, print_json, progress_bar, settings_for

MODELS = ("spectral", "ease", "als", "neighbours", "blend", "popularity")
"""The trainers, so that `--help` need not load them; a test holds the two equal."""


class Hold(StrEnum):
    """What is held out of a store."""

    LATEST = "latest"
    NEWEST = "newest"


Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random in training.")]


def evaluate(
    train: Annotated[Path | None, typer.Option(help="Training file: on each line a reader, then items.")] = None,
    test: Annotated[Path | None, typer.Option(help="Held-out file of the same form.")] = None,
    model: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(MODELS)}, or auto; spectral by default.")
    ] = None,
    set_: Parameter = None,
    parameters: ParametersFile = None,
    hold: Annotated[
        Hold, typer.Option(help="In a store: each reader's latest events, or the newest of all.")
    ] = Hold.LATEST,
    fraction: Annotated[float, typer.Option(min=0.01, max=0.9, help="In a store: share held out.")] = 0.2,
    dense: Dense = True,
    peers: Peers = False,
    rerank: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="In a store: judge pages too, without and with calibrated, diversified or PARAMETER=VALUE of ranking.",
        ),
    ] = None,
    seed: Seed = 0,
    home: Home = None,
    json: Json = False,
) -> None:
    """Train on one part and judge on the other: accuracy, and what lists do beside it, next to popularity's.

    With --train and --test, on a pair of files in the text format of published splits; otherwise on the store, split
    by time. Nothing is registered.
    """
    from experiments.beyond import Facts
    from experiments.holdout import HeldOut, evaluate_files, evaluate_store, time_split
    from experiments.served import compare_served
    from feed.cli.reports import print_report, print_served

    if (train is None) != (test is None):
        raise BadInput(f"--{'test' if test is None else 'train'} is missing; name both files, or none for the store")
    if rerank and train is not None:
        raise BadInput("--rerank judges pages of a store, and these are files; leave --train and --test out")
    changed, served = reranked(rerank), None
    named, chosen = asked(model, set_, parameters, "spectral")
    given: dict[str, Any] = {"model": named, "parameters": chosen, "dense": dense, "peers": peers, "seed": seed}
    with progress_bar() as bar:
        if train is not None and test is not None:
            report = evaluate_files(train, test, **given, clock=perf_counter, progress=bar.share)
        else:
            from feed.cli.stores import reading
            from feed.models.training import interactions_of

            with reading(settings_for(home)) as (store, snapshot):
                interactions = interactions_of(store, snapshot.catalogue)
                given["facts"] = Facts.of(snapshot.catalogue, interactions.rows)
            held_out = HeldOut.LATEST_OF_EACH if hold is Hold.LATEST else HeldOut.NEWEST_SLICE
            report = evaluate_store(
                interactions,
                held_out=held_out,
                fraction=fraction,
                **given,
                clock=perf_counter,
                progress=bar.share,
            )
            if changed:
                split = time_split(interactions, held_out, fraction, seed=seed)
                served = compare_served(snapshot, report.graph, split, changed, seed=seed, progress=bar.share)
    if json:
        print_json({**report.as_json(), **({"served": served.as_json()} if served else {})})
    else:
        print_report(report)
        if served:
            print_served(served)


def reranked(given: list[str] | None) -> dict[str, int]:
    """What re-ranks by name, or ``parameter=value`` texts, set in ranking. Raises BadInput."""
    from experiments.served import RERANKS

    changed: dict[str, int] = {}
    for text in given or ():
        name, _, value = text.partition("=")
        if name and value.removeprefix("-").isdecimal():
            changed[name] = int(value)
        elif text in RERANKS:
            changed.update(RERANKS[text])
        else:
            raise BadInput(f"--rerank {text!r} is none of {', '.join(RERANKS)}, nor PARAMETER=VALUE in whole numbers")
    return changed
