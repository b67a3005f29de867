"""``weir experiment``: start and stop experiments by decisions, list them, and tell what they showed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, print_table, settings_for

if TYPE_CHECKING:
    from feed.schemas.experiments import ExperimentIn, ResultsOut

app = typer.Typer(
    help="Start and stop experiments, list them, and read what they showed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")]
_DAY = 86_400


@app.command("start")
def start(
    file: Annotated[Path, typer.Argument(help="YAML or JSON: name, arms, outcome, and measure and scope if wanted.")],
    reason: Reason,
    days: Annotated[int, typer.Option(min=1, max=365, help="It ends by itself after so many days.")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Start an experiment by a decision. Beside a server it goes through its API."""
    from feed.api_client import Api
    from feed.clock import SystemClock
    from feed.experiments.registry import starting
    from feed.processes.offline import decided, owned
    from feed.storage.errors import StoreInUse

    settings = settings_for(home)
    body = _read(file, reason, SystemClock().now() + days * _DAY)
    try:
        with owned(settings) as service:
            made = decided(service, starting(body))
            told: dict[str, Any] = {"id": made.id, "revision": made.revision, "expires_at": made.expires_at}
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            decision = api.send("POST", "/v1/experiments", body.model_dump(mode="json"))["decision"]
            told = {name: decision[name] for name in ("id", "revision", "expires_at")}
    if json:
        print_json(told)
    else:
        typer.echo(f"experiment {told['id']} runs until second {told['expires_at']}, by revision {told['revision']}")


@app.command("stop")
def stop(
    experiment: Annotated[str, typer.Argument(help="Its id: that of the decision that started it.")],
    reason: Reason,
    home: Home = None,
    json: Json = False,
) -> None:
    """Stop an experiment by a decision, or call off one that has not begun."""
    from feed.api_client import Api
    from feed.experiments.registry import run_of, stopping
    from feed.processes.offline import decided, owned
    from feed.schemas.experiments import StopIn
    from feed.storage.errors import StoreInUse

    settings = settings_for(home)
    try:
        with owned(settings) as service:
            run_of(service.store.ledger, experiment)
            made = decided(service, stopping(experiment, StopIn(reason=reason)))
            told: dict[str, Any] = {"experiment": experiment, "decision": made.id, "revision": made.revision}
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            decision = api.send("POST", f"/v1/experiments/{experiment}/stop", {"reason": reason})["decision"]
            told = {"experiment": experiment, "decision": decision["id"], "revision": decision["revision"]}
    if json:
        print_json(told)
    else:
        typer.echo(f"experiment {experiment} is over, by decision {told['decision']} at revision {told['revision']}")


@app.command("list")
def listing(home: Home = None, json: Json = False) -> None:
    """List every experiment that was started, newest first. Reads the store, also beside a server."""
    from feed.clock import SystemClock
    from feed.experiments.registry import runs, shown
    from feed.stores import open_store

    store = open_store(settings_for(home), exclusive=False)
    try:
        told = [shown(run, SystemClock().now()) for run in runs(store.ledger)]
    finally:
        store.close()
    if json:
        print_json([asdict(one) for one in told])
        return
    rows = [
        (one.id, one.name, one.state, str(len(one.arms)), f"{one.outcome} {one.measure}", str(one.until), one.reason)
        for one in told
    ]
    print_table("experiments", ("id", "name", "state", "arms", "outcome", "until", "reason"), rows)


@app.command("results")
def results(
    experiment: Annotated[str, typer.Argument(help="Its id: that of the decision that started it.")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Tell what readers did in each arm, how far it differs from the first one, and what may be concluded."""
    from feed.clock import SystemClock
    from feed.experiments.registry import run_of
    from feed.experiments.results import results_of
    from feed.stores import open_store

    settings = settings_for(home)
    store = open_store(settings, exclusive=False)
    try:
        told = results_of(store, run_of(store.ledger, experiment), SystemClock().now(), settings.servings_days)
    finally:
        store.close()
    if json:
        print_json(asdict(told))
    else:
        _print(told)


def _print(told: ResultsOut) -> None:
    rows = []
    for arm in told.arms:
        away = arm.difference
        interval = f"{away.estimate:+.4f} ({away.low:+.4f} to {away.high:+.4f})" if away is not None else "-"
        value = f"{arm.value:.4f}" if arm.value is not None else "-"
        rows.append((arm.name, str(arm.readers), str(arm.pages), value, interval, arm.conclusion or "-"))
    what = f"{told.outcome} {told.measure.replace('_', ' ')}"
    columns = ("arm", "readers", "pages", what, "difference to the first", "conclusion")
    print_table(f"{told.name}: {told.state}", columns, rows)
    fits = "fit" if told.even else "do not fit"
    typer.echo(f"the sizes of the arms {fits} their shares (p = {told.fit:.4f})")
    if not told.complete:
        typer.echo("its first pages are kept no longer, so that readers who came only then are not counted")


def _read(file: Path, reason: str, expires_at: int) -> ExperimentIn:
    import yaml
    from pydantic import ValidationError

    from feed.schemas.experiments import ExperimentIn

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{file}: neither YAML nor JSON ({error}); correct the syntax") from error
    if not isinstance(document, dict):
        raise BadInput(f"{file}: an experiment is name, arms and outcome; write them as fields")
    try:
        return ExperimentIn.model_validate({**document, "reason": reason, "expires_at": expires_at})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{file}: {where}: {first['msg']}; correct it") from error
