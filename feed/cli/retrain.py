"""``weir retrain``: one training as the server's schedule makes it, beside what serves: low priority, few cores."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feed.cli.engines import workroom
from feed.cli.speaking import Bar, Home, Json, print_json, progress_bar, settings_for
from feed.settings import Settings

if TYPE_CHECKING:
    from feed.models.retraining import Retrained
    from feed.storage.ports.store import Store
    from ranking.snapshot import Snapshot

_NICENESS = 10
"""A tenth of a busy core, so that training ends even where pages take all there is; all of an idle one."""
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMBA_NUM_THREADS")


def retrain(
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Only say as JSON what is to become of the model; end when the caller does."),
    ] = False,
    warm: Annotated[
        bool | None, typer.Option("--warm/--cold", help="Begin from the active model; else as WEIR_RETRAIN_WARM says.")
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Train as the schedule does: the active model's recipe on all events, judged on the newest ones, and let the
    result serve unless it is worse there.

    While a server owns the store, training reads it and the model is handed over through the server's API.
    """
    settings = settings_for(home)
    if warm is not None:
        settings = settings.model_copy(update={"retrain_warm": warm})
    gently(settings.retrain_threads)
    if propose:
        end_with_caller()
    from feed.models.retraining_lock import AlreadyTraining, alone
    from feed.models.retraining_outcome import Outcome

    try:
        with alone(settings):
            document = _proposed(settings) if propose else _handed_over(settings)
    except AlreadyTraining as busy:
        if not propose:
            raise
        document = {"outcome": Outcome.BUSY.value, "reason": str(busy), "version": "", "against": "", "evidence": []}
    if propose or json:
        print_json(document)
    else:
        typer.echo(f"{document['outcome']}: {document['reason']}")
        for line in document["evidence"]:
            typer.echo(line)


def gently(threads: int) -> None:
    """Give way to what serves: low priority, and ``threads`` cores or, for 0, half of them.

    To be called before numpy is imported, which counts cores once.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    taken = min(threads or max(1, len(cores) // 2), len(cores))
    for name in _THREADS:
        os.environ[name] = str(taken)
    os.nice(_NICENESS)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores[-taken:])


def end_with_caller() -> None:
    """End this process when the one that started it has ended, however that came: the standard input is then a pipe to
    which nobody is left to write. Where it is none, there is nothing to watch."""
    try:
        piped = stat.S_ISFIFO(os.fstat(0).st_mode)
    except OSError:  # it is closed
        piped = False
    if not piped:
        return

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="weir-caller", daemon=True).start()


def _proposed(settings: Settings) -> dict[str, Any]:
    """Train, save the file, and say what is to become of it; nothing is written to the store."""
    from feed.cli.stores import reading
    from feed.models.files import save

    with ExitStack() as stack:
        bar = stack.enter_context(progress_bar())
        store, snapshot = stack.enter_context(reading(settings))
        made = _trained(settings, store, snapshot, bar)
        if made.graph is not None:
            save(made.graph, settings.models_folder)
    return _document(made)


def _handed_over(settings: Settings) -> dict[str, Any]:
    from feed.cli.workplaces import workplace
    from feed.models.retraining_outcome import Outcome

    with workplace(settings) as place, progress_bar() as bar:
        made = _trained(settings, place.store, place.snapshot, bar)
        if made.graph is not None and made.outcome is not Outcome.UNCHANGED:
            place.hand_over(made.graph, made.reason if made.outcome is Outcome.ACTIVATE else "", made.evidence)
    return _document(made)


def _trained(settings: Settings, store: Store, snapshot: Snapshot, bar: Bar) -> Retrained:
    from feed.clock import SystemClock
    from feed.models.lineage import read_events
    from feed.models.retraining import DAY, plan_of, retrained
    from feed.models.retraining_attempt import attempt
    from ranking.models.engine import Resuming
    from ranking.models.scratch import cleared

    folder, turn = workroom(settings) / "retraining", settings.retrain_seconds or DAY
    columns, forgettings = read_events(store)
    columns, now = attempt(folder, columns, SystemClock().now(), fresh_for=turn)
    try:
        made = retrained(
            columns,
            snapshot.catalogue,
            snapshot.graph if snapshot.model else None,
            plan_of(settings, now),
            now=now,
            forgettings=forgettings,
            engine=Resuming(folder),
            progress=bar.share,
        )
    except Exception:
        # Not an interruption: the same events would fail again.
        cleared(folder)
        raise
    cleared(folder)
    return made


def _document(made: Retrained) -> dict[str, Any]:
    return {
        "outcome": made.outcome.value,
        "reason": made.reason,
        "version": made.graph.version if made.graph is not None else "",
        "trainer": made.graph.trainer if made.graph is not None else "",
        "against": made.against,
        "start": made.graph.parameters.get("start", "") if made.graph is not None else "",
        "evidence": list(made.evidence),
    }
