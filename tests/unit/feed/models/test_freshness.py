"""The schedule of retraining, with children that do as a test says; a real one trains in the journeys."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from feed.models.files import file_of, save
from feed.models.freshness import Freshness
from feed.models.retraining_lock import AlreadyTraining, alone
from feed.models.retraining_log import LastRun, last_run, remember
from feed.models.retraining_outcome import Outcome
from feed.observing.metrics import Metrics
from feed.settings import Settings
from tests.journeys.http_service import Http, running
from tests.unit.feed.models.model_making import served, shifted

NOTHING = {"version": "", "against": "", "reason": "for the test", "evidence": []}


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    with running(tmp_path / "home", retrain_every="off") as http:
        http.put_items()
        yield http


@pytest.fixture
def child(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Makes the command of a child from its Python source."""

    def made(source: str) -> tuple[str, ...]:
        path = tmp_path / "child.py"
        path.write_text(source, encoding="utf-8")
        return (sys.executable, str(path))

    return made


def says(**proposed: Any) -> str:
    return f"print({orjson.dumps({**NOTHING, **proposed}).decode()!r})"


def turn(http: Http, command: tuple[str, ...]) -> LastRun:
    return asyncio.run(schedule_of(http, command).turn())


def schedule_of(http: Http, command: tuple[str, ...] = ()) -> Freshness:
    """A schedule in place of the service's own, with metrics of its own."""
    object.__setattr__(http.service, "metrics", Metrics())
    return Freshness(http.service, command)


def test_a_model_that_is_not_worse_serves_by_a_decision_of_weir_with_the_figures_as_evidence(http, child):
    served(http, shifted(1))
    new = shifted(2)
    save(new, http.service.settings.models_folder)
    line = says(
        outcome="activate", version=new.version, against=shifted(1).version, reason="better", evidence=["ndcg@20 .2"]
    )
    run = turn(http, child(line))
    assert (run.outcome, run.detail, run.succeeded_at) == (Outcome.ACTIVATE, "better", run.tried_at)
    assert http.service.replica.latest().model == new.version
    told = http.call("GET", "/v1/models", "auditor").json()
    assert told["retraining"]["outcome"] == "activate"
    (model,) = [model for model in told["models"] if model["active"]]
    (term,) = model["terms"]
    assert (term["actor"], term["role"], term["reason"], term["evidence"]) == ("weir", "weir", "better", ["ndcg@20 .2"])
    assert term["until"] is None


def test_a_worse_model_is_registered_and_the_active_one_stays(http, child):
    served(http, shifted(1))
    new = shifted(2)
    save(new, http.service.settings.models_folder)
    run = turn(http, child(says(outcome="keep", version=new.version, against=shifted(1).version)))
    assert run.outcome is Outcome.KEEP
    assert http.service.replica.latest().model == shifted(1).version
    assert http.service.store.models.get(new.version) is not None


def test_a_model_judged_against_one_that_serves_no_longer_is_only_registered(http, child):
    served(http, shifted(3))
    new = shifted(2)
    save(new, http.service.settings.models_folder)
    run = turn(http, child(says(outcome="activate", version=new.version, against=shifted(1).version)))
    assert run.outcome is Outcome.SUPERSEDED
    assert http.service.replica.latest().model == shifted(3).version
    assert http.service.store.models.get(new.version) is not None


def test_a_model_whose_file_is_lost_is_replaced(child, tmp_path):
    home = tmp_path / "home"
    with running(home, retrain_every="off") as http:
        http.put_items()
        served(http, shifted(1))
        (http.service.settings.models_folder / file_of(shifted(1).version)).unlink()
    with running(home, retrain_every="off") as http:
        assert http.service.replica.latest().model == ""
        new = shifted(2)
        save(new, http.service.settings.models_folder)
        assert turn(http, child(says(outcome="activate", version=new.version))).outcome is Outcome.ACTIVATE
        assert http.service.replica.latest().model == new.version


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9 (Killed; was memory short?)"),
        ("import sys; sys.exit('weir: no interactions to train on')", "ended with 1: weir: no interactions"),
        ("print('nonsense')", "JSON"),
        (says(outcome="activate", version="a" * 64), "no such file"),
    ],
)
def test_a_child_that_fails_is_told_with_its_last_words_and_the_active_model_stays(http, child, source, words):
    served(http, shifted(1))
    run = turn(http, child(source))
    assert (run.outcome, run.succeeded_at) == (Outcome.FAILED, None)
    assert words in run.detail
    assert http.service.replica.latest().model == shifted(1).version
    assert last_run(http.service.settings) == run


def test_what_a_child_had_not_finished_saving_is_removed(http, child):
    folder = http.service.settings.models_folder
    others = folder / ".model.graph.1.new"
    others.write_bytes(b"of somebody else")
    save_and_die = f"""
import os, pathlib
(pathlib.Path({str(folder)!r}) / f".model.graph.{{os.getpid()}}.new").write_bytes(b"half")
os.kill(os.getpid(), 9)
"""
    assert turn(http, child(save_and_die)).outcome is Outcome.FAILED
    assert list(folder.iterdir()) == [others]


def test_the_time_of_the_last_success_outlives_a_failure_and_metrics_tell_both(http, child):
    succeeded = turn(http, child(says(outcome="wait"))).succeeded_at
    assert succeeded is not None
    assert turn(http, child("raise SystemExit(1)")).succeeded_at == succeeded
    text = http.service.metrics.exposition().decode()
    assert 'weir_retrainings_total{outcome="failed"} 1.0' in text
    (line,) = [line for line in text.splitlines() if line.startswith("weir_retraining_succeeded_at ")]
    assert float(line.split()[1]) == succeeded
    assert "weir_model_age_seconds NaN" in text


def test_a_child_ends_with_its_server(http, child, tmp_path):
    told = tmp_path / "pid"
    source = f"import os, signal; open({str(told)!r} + '.new', 'w').write(str(os.getpid()))\n"
    source += f"os.rename({str(told)!r} + '.new', {str(told)!r}); signal.pause()"

    async def stopped() -> None:
        schedule = asyncio.create_task(schedule_of(http, child(source)).turn())
        while not told.exists():
            await asyncio.sleep(0.01)
        schedule.cancel()
        with pytest.raises(asyncio.CancelledError):
            await schedule

    asyncio.run(stopped())
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
    assert last_run(http.service.settings) is None


def test_training_is_due_some_time_after_the_last_one_whoever_made_it(http):
    schedule, settings, day = schedule_of(http), http.service.settings, 86_400
    now = http.service.clock.now()
    assert schedule.due_at(day) == schedule._started_at + 900
    remember(settings, LastRun(now - 100, Outcome.WAIT, "", 1.0, None))
    assert schedule.due_at(day) == now - 100 + day
    remember(settings, LastRun(now - 100, Outcome.FAILED, "", 1.0, None))
    assert schedule.due_at(day) == now - 100 + 3600
    remember(settings, LastRun(now - 5 * day, Outcome.ACTIVATE, "", 1.0, None))
    assert schedule.due_at(day) == schedule._started_at + 60
    served(http, shifted(1, created_at=now - 50))
    assert schedule.due_at(day) == now - 50 + day


def test_one_retraining_at_a_time_in_a_home_folder(tmp_path):
    settings = Settings(home=tmp_path)
    with alone(settings), pytest.raises(AlreadyTraining, match="let it end"), alone(settings):
        pass
    with alone(settings):
        pass


def test_a_spoilt_file_of_the_last_run_is_none(tmp_path):
    settings = Settings(home=tmp_path)
    assert last_run(settings) is None
    remember(settings, LastRun(1, Outcome.WAIT, "", 1.0, None))
    (tmp_path / "training" / "retraining.json").write_text("{")
    assert last_run(settings) is None
