"""``weir train``: train on the store's events, judge on what was held out, register, and let the better one serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.engines import EngineName, engine, workroom
from feed.cli.evaluate import MODELS, Seed
from feed.cli.failures import BadInput, CommandFailed
from feed.cli.parameters import Dense, Parameter, ParametersFile, Peers, asked
from feed.cli.speaking import Bar, Home, Json, print_json, progress_bar, settings_for
from feed.settings import Settings

if TYPE_CHECKING:
    from feed.cli.workplaces import Workplace
    from ranking.interactions import Interactions

_COLUMNS = "columns"
"""Where, in the workroom, the columns of an export are mapped from."""


def train(
    model: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(MODELS)}, or auto: all, and the best is kept; the default.")
    ] = None,
    set_: Parameter = None,
    parameters: ParametersFile = None,
    force: Annotated[bool, typer.Option("--force", help="Activate it even if the active one is better.")] = False,
    activate: Annotated[bool, typer.Option(help="Let it serve; otherwise it is only registered.")] = True,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "trained on newer events",
    engine_: Annotated[
        EngineName, typer.Option("--engine", help="Where: on this machine, or on Spark (neighbours only).")
    ] = EngineName.LOCAL,
    master: Annotated[str, typer.Option(help="Spark's master, such as local[2] or spark://HOST:7077.")] = "local[*]",
    exchange: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder that the Spark cluster sees too, for what it is given."),
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Train on this Parquet export of the store.")
    ] = None,
    warm: Annotated[
        bool, typer.Option("--warm", help="Begin from the active model, unless something was forgotten since.")
    ] = False,
    dense: Dense = True,
    peers: Peers = True,
    seed: Seed = 0,
    home: Home = None,
    json: Json = False,
) -> None:
    """Train, judge on each reader's latest fifth, register, and activate by a decision unless the active one is better.

    While a server owns the store, training reads it and the model is handed over through the server's API.
    """
    from experiments.beyond import Facts
    from feed.cli.reports import print_report
    from feed.cli.workplaces import workplace
    from feed.clock import SystemClock
    from feed.models.lineage import beginning, unchanged
    from feed.models.retraining import plan_of
    from feed.models.training import SCORE
    from feed.models.training import train as trained
    from ranking.models.scratch import cleared

    named, given = asked(model, set_, parameters, "auto")
    if engine_ is EngineName.SPARK:
        if named not in ("auto", "neighbours"):
            raise BadInput(f"--engine spark trains neighbours, not {named}; leave --model out, or use --engine local")
        named = "neighbours"
    settings = settings_for(home)
    with (
        workplace(settings) as place,
        progress_bar() as bar,
        engine(engine_, settings, master=master, exchange=exchange) as running,
    ):
        forgettings = place.store.readers.forgettings()
        interactions = _interactions(place, from_, settings, bar)
        now = SystemClock().now()
        begins = beginning(
            place.active,
            warm=warm,
            # What an export holds may have been forgotten since it was made.
            forgettings=unchanged(place.store, forgettings) if from_ is None else None,
            now=now,
            since=plan_of(settings, now).chain_since,
        )
        training = trained(
            interactions,
            named,
            given,
            seed=seed,
            now=now,
            active=place.active,
            dense=dense and engine_ is EngineName.LOCAL,
            peers=peers and engine_ is EngineName.LOCAL,
            facts=Facts.of(place.snapshot.catalogue, interactions.rows),
            engine=running,
            begins=begins,
            progress=bar.share,
        )
        takes_over = activate and (force or not training.worse)
        place.hand_over(training.graph, reason if takes_over else "")
        cleared(workroom(settings) / _COLUMNS)
    graph, standing = training.graph, training.standing
    if json:
        active = dict(standing) if standing is not None else None
        told = {"version": graph.version, "activated": takes_over, "active": active}
        print_json({**training.report.as_json(), **told, "start": graph.parameters.get("start", "")})
    else:
        print_report(training.report, standing)
        typer.echo(
            f"{graph.version} ({graph.trainer}) is saved" + (" and serves" if takes_over else "") + begins.told(graph)
        )
    if activate and not takes_over and standing is not None:
        raise CommandFailed(
            f"{graph.trainer} has {SCORE} {graph.metrics[SCORE]:.4f}, the active model {standing[SCORE]:.4f} on the "
            "same hold-out, so the active one stays; --force activates the new one all the same"
        )


def _interactions(place: Workplace, export: Path | None, settings: Settings, bar: Bar) -> Interactions:
    """The store's interactions, or those of an export of it, which stay on disk."""
    from feed.models.training import interactions_of

    if export is None:
        return interactions_of(place.store, place.snapshot.catalogue)
    from feed.models.parquet import mapped

    interactions = mapped(export, workroom(settings) / _COLUMNS, bar.share)
    if interactions.rows > place.snapshot.catalogue.rows:
        raise BadInput(
            f"{export} has {interactions.rows} rows, this store {place.snapshot.catalogue.rows}: "
            "it is an export of another store"
        )
    return interactions
