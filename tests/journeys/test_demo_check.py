"""`weir demo --check` keeps every promise on simulated and on real data, and notices a service that breaks them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from feed.cli.speaking import settings_for
from feed.clock import SystemClock
from feed.demo.postgres_server import binaries
from feed.demo.preparing import Size, prepare
from feed.demo.served import page
from feed.demo.server_process import ServerProcess
from feed.demo.story import Story

pytestmark = [pytest.mark.journey, pytest.mark.slow]

TINY = Size(150, 400, 8_000, 20, {"components": 64, "width": 50})


def checked(*arguments: str, within: float = 240) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    command = [sys.executable, "-m", "feed.cli", "demo", "--check", "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=within, check=False)


@pytest.mark.timeout(660)
def test_every_promise_is_kept_by_four_workers_over_postgresql_and_redis() -> None:
    if binaries() is None or shutil.which("redis-server") is None:
        pytest.skip("PostgreSQL or Redis is not installed; `make test` installs both")
    outcome = checked("--grown", within=600)
    told = chapters(outcome)
    assert [chapter for chapter in told.values() if not chapter["kept"]] == []
    assert outcome.returncode == 0
    assert told["a pin is at its position"]["seen"].startswith("4 of 4 replicas")
    assert told["kill -9 of one worker"]["kept"]


def chapters(outcome: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert outcome.stdout, outcome.stderr
    return {chapter["chapter"]: chapter for chapter in json.loads(outcome.stdout)["chapters"]}


def test_every_promise_is_kept_on_a_simulated_community() -> None:
    outcome = checked()
    told = chapters(outcome)
    assert [chapter for chapter in told.values() if not chapter["kept"]] == []
    assert outcome.returncode == 0
    assert len(told) == 26


def test_every_promise_is_kept_on_real_data(movielens: Path) -> None:
    outcome = checked("--data", str(movielens))
    assert [chapter for chapter in chapters(outcome).values() if not chapter["kept"]] == []
    assert outcome.returncode == 0


class Faithless(Story):
    """A story whose service does not do what it says: restrictions are lifted at once, choices and erasure dropped."""

    def _decide(self, act: str, item: str, who: tuple[str, ...], **parameters: int) -> Mapping[str, Any]:
        made = super()._decide(act, item, who, **parameters)
        reason = {"reason": "unfaithful", "basis": {"kind": "editorial", "clause": "none"}}
        self.api.send("POST", f"/v1/decisions/{made['decision']['id']}/reverse", reason)
        return made

    def _choose(self, reader: str, settings: Mapping[str, object]) -> None:
        pass

    def _tell(self, reader: str, item: str, kind: str) -> Mapping[str, Any]:
        return {"accepted": 1}


def test_a_reader_who_hid_what_is_popular_opts_out_like_any_other(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", host="127.0.0.1", port=0)
    clock = SystemClock()
    prepared = prepare(settings, None, TINY, now=clock.now(), progress=lambda *_: None, say=lambda _: None)
    with ServerProcess(settings) as server:
        server.start()
        story = Story(server, prepared.readers, clock)
        top = page(server.api, "newcomer-2", mode="popular").ids[0]
        story._choose(prepared.readers[1], {"hidden": [top]})
        assert [seen for seen in story.opt_out() if not seen.kept] == []
        assert top not in page(server.api, prepared.readers[1]).ids


def test_broken_promises_are_noticed(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", host="127.0.0.1", port=0)
    clock = SystemClock()
    prepared = prepare(settings, None, TINY, now=clock.now(), progress=lambda *_: None, say=lambda _: None)
    with ServerProcess(settings) as server:
        server.start()
        told = {seen.chapter: seen for seen in Faithless(server, prepared.readers, clock).play()}
    broken = {chapter for chapter, seen in told.items() if not seen.kept}
    assert {
        "a click changes the next page",
        "opt-out equals another opted-out reader",
        "a pin is at its position",
        "a suppressed item is gone from every path",
        "a taken-down item is gone from every path",
        "nor is their content served",
        "kill -9: acknowledged is durable",
        "kill -9: pins stay",
        "kill -9: what was gone stays gone",
    } <= broken
    assert {"ready", "personalized differs from popular", "erase removes influence"} & broken == set()


def test_a_server_that_does_not_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    from feed.demo.server_process import ServerFailed

    home = tmp_path / "home"
    home.mkdir()
    (home / "weir.db").write_bytes(b"no database at all, but a letter to a friend")
    with (
        ServerProcess(settings_for(home, host="127.0.0.1", port=0)) as server,
        pytest.raises(ServerFailed, match="not a Weir store"),
    ):
        server.start()
