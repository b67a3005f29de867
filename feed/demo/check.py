"""The check: the demo's story on a temporary folder with a real server, and a verdict on every promise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from feed.clock import Clock
from feed.demo.backends import running_backends
from feed.demo.experiment_story import ExperimentStory
from feed.demo.governance_story import GovernanceStory
from feed.demo.preparing import SMALL, prepare
from feed.demo.server_process import ServerFailed, ServerProcess
from feed.demo.story import Story
from feed.demo.telling import Seen
from feed.processes.workers import environment
from feed.settings import Settings
from ranking.models import Progress

REPLAYED = 1_000
_COMMAND_SECONDS = 60
_STORY_SECONDS = 180
_GROWN_SECONDS = 480
_LOOKS, _LOOK_SECONDS = 300, 0.1
"""After so long the server is killed and the story ends with what it has seen."""


WORKERS = 4
"""Processes that serve the grown form."""


def check(
    data: Path | None, settings: Settings, clock: Clock, progress: Progress, *, grown: bool = False
) -> list[Seen]:
    """Play the story on data, or on a small simulated community; every promise with what was seen. ``grown``: by
    several workers over a PostgreSQL and a Redis of its own.

    Raises what preparing raises. The folder and the servers are gone afterwards, whatever happens.
    """
    with tempfile.TemporaryDirectory(prefix="weir-demo-") as folder, ExitStack() as stack:
        settings = settings.model_copy(update={"home": Path(folder) / "home"})
        if grown:
            progress(0.0, "starting PostgreSQL and Redis")
            found = stack.enter_context(running_backends(Path(folder)))
            shared = {"database": SecretStr(found.database), "redis": SecretStr(found.redis), "workers": WORKERS}
            settings = settings.model_copy(update=shared)
        prepared = prepare(settings, data, SMALL, now=clock.now(), progress=progress, say=lambda _: None)
        progress(1.0, "playing the story")
        with ServerProcess(settings) as server:
            watchdog = threading.Timer(_GROWN_SECONDS if grown else _STORY_SECONDS, server.abandon)
            watchdog.start()
            try:
                return _played(server, settings, prepared.readers, clock)
            finally:
                watchdog.cancel()


def _played(server: ServerProcess, settings: Settings, readers: Sequence[str], clock: Clock) -> list[Seen]:
    told: list[Seen] = []
    try:
        server.start()
        story = Story(server, readers, clock)
        told += story.play()
        if settings.workers > 1:
            told.append(_one_killed(server))
        told += GovernanceStory(server.api, clock).play()
        told += ExperimentStory(server.api, readers, clock).play()
        told.append(_replayed(settings))
        told.append(_verified(settings))
        code = server.stop()
    except ServerFailed as failure:
        return [*told, Seen("the server", "starts, serves and stops", str(failure), False)]
    return [*told, Seen("SIGTERM", "the server finishes and ends with code 0", f"code {code}", code == 0)]


def _one_killed(server: ServerProcess) -> Seen:
    """One worker of several is killed: the others answer, none of them wrongly, and another takes its place."""
    workers = server.workers()
    os.kill(workers[0], signal.SIGKILL)
    answers = [server.api.ask("GET", "/readyz").status_code for _ in range(2 * WORKERS)]
    pause = threading.Event()
    for _ in range(_LOOKS):
        now = server.workers()
        if len(now) == len(workers) and workers[0] not in now:
            break
        pause.wait(_LOOK_SECONDS)
    replaced = len(now) == len(workers) and workers[0] not in now
    return Seen(
        "kill -9 of one worker",
        "the others answer; another is started",
        f"{answers.count(200)} of {len(answers)} requests answered; {'another' if replaced else 'none'} was started",
        answers.count(200) == len(answers) and replaced,
    )


def _replayed(settings: Settings) -> Seen:
    """Every recorded page of the story, made again by ``weir replay`` beside the running server."""
    expected = "every recorded page comes out identical, those of the erased reader excepted"
    told = _command(settings, "replay", "--newest", str(REPLAYED))
    if isinstance(told, str):
        return Seen("replay is byte-identical", expected, told, False)
    seen = f"{told['identical']} of {told['replayed']} identical, {told['erased']} erased"
    kept = told["identical"] + told["erased"] == told["replayed"] and told["identical"] > 0 and not told["different"]
    return Seen("replay is byte-identical", expected, seen, kept)


def _verified(settings: Settings) -> Seen:
    """The whole ledger, checked by ``weir log verify`` beside the running server."""
    expected = "every entry, attachment, tree and signature is right"
    told = _command(settings, "log", "verify")
    if isinstance(told, str):
        return Seen("the ledger is verified", expected, told, False)
    seen = f"{told['entries']} entries, {told['attachments']} attachments, {told['checkpoints']} checkpoints"
    return Seen("the ledger is verified", expected, seen, True)


def _command(settings: Settings, *words: str) -> dict[str, Any] | str:
    """What a command of this release says in JSON, or in a word why it said nothing."""
    command = [sys.executable, "-m", "feed.cli", *words, "--json", "--home", str(settings.home)]
    try:
        outcome = subprocess.run(
            command, capture_output=True, timeout=_COMMAND_SECONDS, check=True, env=environment(settings)
        )
        told: dict[str, Any] = orjson.loads(outcome.stdout)
    except subprocess.CalledProcessError as error:
        return f"exit code {error.returncode}: {error.stderr.decode(errors='replace').strip()[-200:]}"
    except (subprocess.TimeoutExpired, orjson.JSONDecodeError) as error:
        return type(error).__name__
    return told
