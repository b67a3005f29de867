"""Freshness: the server trains again by the clock, in a process of its own, and lets the result serve by a decision.

Owns when it is time, the child process, and what becomes of its model. The child only reads the store and writes a
file; the decision is made here, through the one write door, by the actor ``weir``, with the figures as evidence. What
fails is told, and tried again at the next turn; training goes on from what an interrupted run has finished.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio.to_thread
import orjson
import structlog

from controls.errors import ControlsError
from controls.proposals import Proposal
from controls.scopes import Audience
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.decisions.deciding import decide
from feed.errors import FeedError
from feed.models.files import registered, remove_unfinished
from feed.models.freshness_metrics import FreshnessMetrics
from feed.models.keeping import remove_spent
from feed.models.retraining_log import LastRun, last_run, remember
from feed.models.retraining_outcome import Outcome
from feed.processes.offline import activation
from feed.settings import PREFIX
from feed.storage.errors import StorageError
from ranking.errors import RankingError

_log = structlog.get_logger("weir")

ACTOR = Caller("weir", frozenset({"experimenter"}), "weir", Audience(), "weir")
"""Who decides on the schedule's behalf."""

COMMAND = (sys.executable, "-m", "feed.cli", "retrain", "--propose")

_SETTLE_SECONDS = 60
"""A server that has just started is left alone for so long."""
_FIRST_SECONDS = 900
"""A server without any model waits so long for its first events."""
_RETRY_SECONDS = 3600
_LOOK_SECONDS = 30.0
_LONGEST_SECONDS = 86_400.0
_END_SECONDS = 5.0


class RetrainingFailed(FeedError):
    """The child ended without a result; its last words are in the message."""


class Freshness:
    """The schedule of one server. :meth:`run` until it is cancelled; the child then ends with it."""

    def __init__(self, service: Service, command: Sequence[str] = COMMAND) -> None:
        self._service = service
        self._command = command
        self._started_at = service.clock.now()
        self._metrics = FreshnessMetrics(service)

    async def run(self) -> None:
        """Train whenever it is time; returns at once when the settings say off."""
        every = self._service.settings.retrain_seconds
        while every is not None:
            waits = await anyio.to_thread.run_sync(self.due_at, every) - self._service.clock.now()
            if waits <= 0 and self._service.duties.held:
                await self.turn()
            else:
                await asyncio.sleep(min(max(waits, 1), _LOOK_SECONDS))

    def due_at(self, every: int) -> int:
        """Second of the next training: ``every`` seconds after the last one, whoever made it. Blocks."""
        service = self._service
        last = last_run(service.settings)
        snapshot = service.replica.latest()
        trained_at = snapshot.graph.created_at if snapshot.model else 0
        due = self._started_at + min(every, _FIRST_SECONDS)
        if trained_at:
            due = trained_at + every
        if last is not None and last.tried_at >= trained_at:
            due = last.tried_at + (every if last.outcome.succeeded else min(every, _RETRY_SECONDS))
        return max(due, self._started_at + min(every, _SETTLE_SECONDS))

    async def turn(self) -> LastRun:
        """Train once, hand the model over, and say what came of it."""
        service = self._service
        tried_at, began = service.clock.now(), service.clock.monotonic()
        with self._metrics.running():
            try:
                outcome, detail = await self._handed_over(await self._trained())
            except (FeedError, ControlsError, StorageError, RankingError, OSError) as error:
                outcome, detail = Outcome.FAILED, str(error)
            except Exception as error:
                _log.exception("retraining failed in a way that nobody expected")
                outcome, detail = Outcome.FAILED, f"{type(error).__name__}: {error}"
        seconds = round(service.clock.monotonic() - began, 1)
        before = await anyio.to_thread.run_sync(last_run, service.settings)
        succeeded_at = before.succeeded_at if before is not None else None
        if outcome.succeeded:
            succeeded_at = tried_at
        run = LastRun(tried_at, outcome, detail, seconds, succeeded_at)
        await anyio.to_thread.run_sync(remember, service.settings, run)
        self._metrics.ended(run)
        level = _log.warning if outcome is Outcome.FAILED else _log.info
        level("the model was trained again", outcome=outcome.value, detail=detail, seconds=seconds)
        return run

    async def _trained(self) -> dict[str, Any]:
        """What the child proposes. Raises ``RetrainingFailed``."""
        settings = self._service.settings
        given = {
            f"{PREFIX}{name.upper()}": str(value)
            for name, value in settings.model_dump().items()
            if name.startswith("retrain_")
        }
        with _lifeline() as lives:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                "--home",
                str(settings.home.absolute()),
                stdin=lives,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C at the terminal is the server's to handle.
                start_new_session=True,
                env={**os.environ, **given, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    out, words = await child.communicate()
            except TimeoutError:
                raise RetrainingFailed(f"training took longer than {_LONGEST_SECONDS:g} s and was ended") from None
            finally:
                await _ended(child)
                remove_unfinished(settings.models_folder, child.pid)
        if child.returncode != 0:
            last = (words.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
            raise RetrainingFailed(f"the training process {_how(child.returncode)}: {last[:500]}")
        proposed: dict[str, Any] = orjson.loads(out)
        return proposed

    async def _handed_over(self, proposed: dict[str, Any]) -> tuple[Outcome, str]:
        """Register the model and let it serve if that is proposed; the outcome and why."""
        service, outcome, version = self._service, Outcome(proposed["outcome"]), str(proposed["version"])
        reason = str(proposed["reason"])
        if outcome not in (Outcome.ACTIVATE, Outcome.KEEP):
            return outcome, reason
        folder = service.settings.models_folder
        if await anyio.to_thread.run_sync(registered, service.store, service.graphs, folder, version) is None:
            raise RetrainingFailed(f"the training process told of model {version}, but there is no such file")
        if outcome is Outcome.ACTIVATE:
            # By what serves, not by what was decided: a model whose file is lost is to be replaced.
            if service.replica.latest().model != proposed["against"]:
                return Outcome.SUPERSEDED, "another model was activated meanwhile; this one is registered"
            proposal: Proposal = activation(version, reason, tuple(proposed["evidence"]))
            await decide(service, ACTOR, proposal, None)
        await anyio.to_thread.run_sync(remove_spent, service)
        return outcome, reason


def _how(code: int | None) -> str:
    """How a process ended; what kills one that said nothing is mostly a system short of memory."""
    if code is None or code >= 0:
        return f"ended with {code}"
    what = signal.strsignal(-code) or "unknown"
    return f"was ended by signal {-code} ({what}{'; was memory short?' if -code == signal.SIGKILL else ''})"


@contextmanager
def _lifeline() -> Iterator[int]:
    """The end to read from of a pipe that nobody can write to once this process has ended, however that came."""
    lives, life = os.pipe()
    try:
        yield lives
    finally:
        os.close(lives)
        os.close(life)


async def _ended(child: asyncio.subprocess.Process) -> None:
    """Make sure that the child is gone: SIGTERM, and after some seconds SIGKILL."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), _END_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()
