"""The load offers what it says, counts what came of it, and leaves nothing behind: a short one on a real server."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.load import climb, main
from benchmarks.load_clients import Answers, Clients
from benchmarks.load_mix import SCOPES, SHARES, Ask, Mix
from benchmarks.load_plot import draw
from benchmarks.load_server import Taken, family, running_server, taken
from benchmarks.load_soak import soak
from benchmarks.load_soak_report import report
from benchmarks.load_steps import Level, measured
from benchmarks.load_table import tables
from benchmarks.server import environment, prepare, settings_for
from feed.demo.preparing import publish_example_policy
from feed.demo.server_process import ServerProcess
from feed.errors import SetupInvalid
from feed.processes.offline import owned

TOKENS = dict.fromkeys(SCOPES, "token")
NOTHING = Taken(0, 0, 0.0, 0.0)


def page(items: int, cursor: str | None) -> bytes:
    listed = [{"id": f"item-{number}"} for number in range(items)]
    return json.dumps({"request_id": "a" * 32, "items": listed, "cursor": cursor}).encode()


def drawn(mix: Mix, count: int) -> list[Ask]:
    asks = []
    for _ in range(count):
        asks.append(mix.draw(1_800_000_000))
        mix.answered(asks[-1], 200, page(12, "next"))
    return asks


def level(statuses: dict[tuple[str, int], int], seconds: float = 1.0, feed_seconds: float = 0.01) -> Level:
    counts = Counter(statuses)
    answers = Answers({"feed": [feed_seconds]}, counts, counts, 0.0, seconds)
    return measured("rising", 100.0, answers, NOTHING, NOTHING)


def test_the_mix_has_every_kind_about_as_often_as_its_share_says() -> None:
    kinds = Counter(ask.kind for ask in drawn(Mix(TOKENS, ["one", "two"], 7), 5000))
    assert kinds.keys() == SHARES.keys()
    assert all(abs(kinds[kind] / 5000 - share) < 0.03 for kind, share in SHARES.items())


def test_nothing_is_asked_about_pages_before_there_is_one() -> None:
    mix = Mix(TOKENS, ["one"], 7)
    assert {mix.draw(0).kind for _ in range(300)}.isdisjoint(("events", "related", "why", "decisions"))


def test_pages_go_on_by_the_cursor_that_came_and_belong_to_the_same_reader() -> None:
    asks = [ask for ask in drawn(Mix(TOKENS, ["one", "two"], 7), 500) if b"&cursor=next" in ask.wire]
    assert asks and all(f"reader={ask.reader}&".encode() in ask.wire for ask in asks)


def test_the_same_seed_draws_the_same_requests() -> None:
    first, again, other = (drawn(Mix(TOKENS, ["one", "two"], seed), 200) for seed in (7, 7, 8))
    assert first == again != other


def test_what_was_shed_foreseen_or_unexpected_is_told_apart() -> None:
    one = level({("feed", 200): 90, ("feed", 503): 6, ("why", 410): 2, ("feed", 500): 1, ("events", 0): 1})
    assert (one.answered, one.shed, one.unexpected) == (92, 6, {"feed 500": 1, "events none": 1})


@pytest.mark.parametrize(
    ("statuses", "feed_seconds", "saturated"),
    [
        ({("feed", 200): 100}, 0.01, False),
        ({("feed", 200): 90, ("feed", 0): 10}, 0.01, True),
        ({("feed", 200): 97, ("feed", 503): 3}, 0.01, True),
        ({("feed", 200): 100}, 0.6, True),
    ],
)
def test_a_server_is_saturated_when_it_answers_too_few_or_too_late_or_sheds(
    statuses: dict[tuple[str, int], int], feed_seconds: float, saturated: bool
) -> None:
    assert level(statuses, feed_seconds=feed_seconds).saturated is saturated


def test_memory_and_processor_time_are_those_of_a_process_and_its_descendants() -> None:
    mine = taken(os.getpid())
    assert os.getpid() in family(os.getppid())
    assert mine.resident >= mine.own > 0 < mine.cpu


def test_only_this_machine_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupInvalid, match="not on this machine"), running_server("http://192.0.2.1:80", tmp_path, 0):
        pass
    assert main(["--url", "http://192.0.2.1", "--home", str(tmp_path)]) == 2
    assert "not on this machine" in capsys.readouterr().err


def test_a_real_server_carries_the_mix_and_a_soak_without_an_unexpected_answer(tmp_path: Path) -> None:
    prepare(tmp_path, items=300, readers=20, width=10)
    with owned(settings_for(tmp_path)) as service:
        publish_example_policy(service, service.clock.now())
    given = {"WEIR_RATE_SERVICE": "0", "WEIR_RETRAIN_EVERY": "off", "WEIR_APPROVALS": "false"}
    with environment(given), ServerProcess(settings_for(tmp_path)) as server:
        url = server.start().url
        told: list[Level] = []
        with running_server(url, tmp_path, server.pid, newcomers=40) as loaded, Clients(loaded, 2, 32) as clients:
            result = climb(loaded, clients, seconds=3.5, step=1.0, first=60.0, growth=1.01, told=told.append)
            soaked = soak(loaded, clients, seconds=5.0, rate=40.0, say=lambda line: None, filled=1500)
        assert server.stop() == 0
    assert [one.name for one in result.levels][:2] == ["warm-up", "rising"] and told == list(result.levels)
    assert result.unexpected == 0
    for one in result.levels:
        assert one.statuses["feed 200"] > 0 < one.resident_mb
        assert f"{one.offered:,.0f}/s offered" in one.line()
    assert json.loads(json.dumps(result.document()))["levels"][0]["latencies"]["feed"]["count"] > 0
    assert "| feed | 58%" in tables(result) or result.sustained == 0
    assert soaked.unexpected == {} and soaked.requests > 100
    assert all(number > 0 for number in soaked.done.values())
    assert len(soaked.course.points) > 10
    assert "flat: " in report(soaked) and f"{soaked.hours:.2f} hours" in report(soaked)
    assert "median" in draw(soaked, tmp_path).read_text()
