"""``weir train``: train on the store's events, judge on what was held out, register, and let the better one serve."""

from __future__ import annotations

from typing import Annotated

import typer

from feed.cli.evaluate import MODELS, Parameter, Seed, parameters_of
from feed.cli.failures import CommandFailed
from feed.cli.speaking import Home, Json, print_json, progress_bar, settings_for


def train(
    model: Annotated[
        str, typer.Option(help=f"One of {', '.join(MODELS)}, or auto: all, and the best is kept.")
    ] = "auto",
    set_: Parameter = None,
    force: Annotated[bool, typer.Option("--force", help="Activate it even if the active one is better.")] = False,
    activate: Annotated[bool, typer.Option(help="Let it serve; otherwise it is only registered.")] = True,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "trained on newer events",
    seed: Seed = 0,
    home: Home = None,
    json: Json = False,
) -> None:
    """Train, judge on each reader's latest fifth, register, and activate by a decision unless the active one is better.

    While a server owns the store, training reads it and the model is handed over through the server's API.
    """
    from feed.cli.reports import print_report
    from feed.cli.workplaces import workplace
    from feed.clock import SystemClock
    from feed.training import SCORE, interactions_of
    from feed.training import train as trained

    with workplace(settings_for(home)) as place, progress_bar() as bar:
        training = trained(
            interactions_of(place.store, place.snapshot.catalogue),
            model,
            parameters_of(set_),
            seed=seed,
            now=SystemClock().now(),
            active=place.active,
            progress=bar.share,
        )
        takes_over = activate and (force or not training.worse)
        place.hand_over(training.graph, reason if takes_over else "")
    graph, standing = training.graph, training.standing
    if json:
        active = dict(standing) if standing is not None else None
        print_json({**training.report.as_json(), "version": graph.version, "activated": takes_over, "active": active})
    else:
        print_report(training.report, standing)
        typer.echo(f"{graph.version} ({graph.trainer}) is saved" + (" and serves" if takes_over else ""))
    if activate and not takes_over and standing is not None:
        raise CommandFailed(
            f"{graph.trainer} has {SCORE} {graph.metrics[SCORE]:.4f}, the active model {standing[SCORE]:.4f} on the "
            "same hold-out, so the active one stays; --force activates the new one all the same"
        )
