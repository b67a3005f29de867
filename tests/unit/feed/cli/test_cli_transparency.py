"""``weir transparency``: the report, and statements that can be sent."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path

import orjson
import pytest

from controls.decisions import Basis
from controls.dsa import AutomatedDecision, YesNo
from controls.restrictions import Effect, Holding, Restriction
from controls.scopes import Scope
from controls.statements import StatementFields
from controls.stating import Concerned, Desk, Reasons, restriction_stated
from feed.cli import main
from feed.storage.register import Entry
from feed.storage.sqlite.opening import open_sqlite
from feed.transparency.statement_papers import ENDED, statement_paper, statements_of, with_end

JULY = int(datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC).timestamp())
DAY = 86_400
REASONS = Reasons(Basis("terms", "4.2"), "It is a rumour.", AutomatedDecision.FULLY, YesNo.YES)


def paper(number: int, at: int, *regions: str) -> Entry:
    held = Holding("rule", "rumours", (Effect.DEMOTED,), Scope(regions=regions or ("*",)))
    restriction = Restriction(f"i{number}", held, at)
    fields = restriction_stated(restriction, REASONS, Concerned(), Desk({}))
    return statement_paper(fields, item=f"i{number}", author="a", kind="rule", cause="rumours", from_at=at)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 250 statements in three days, one has ended and one holds in no country of the area."""
    folder = tmp_path_factory.mktemp("home")
    papers = [paper(number, JULY + number % 3 * DAY) for number in range(248)]
    ended = with_end(paper(248, JULY), JULY + 5 * DAY, ENDED)
    papers += [ended, paper(249, JULY, "US")]
    store = open_sqlite(folder / "weir.db", exclusive=True)
    statements_of(store).edit([one.id for one in papers], lambda _: papers).result()
    store.close()
    return folder


def run(capsys, home: Path, *options: str) -> tuple[int, str, str]:
    code = main(["transparency", *options, "--home", str(home)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_statements_come_in_bodies_of_a_hundred_that_the_database_takes(capsys, home):
    code, out, err = run(capsys, home, "--format", "dsa")
    bodies = [orjson.loads(line)["statements"] for line in out.splitlines()]
    assert (code, [len(body) for body in bodies]) == (0, [100, 100, 49])
    sent = [StatementFields.model_validate(one) for body in bodies for one in body]
    assert len({one.puid for one in sent}) == 249
    ends = [one.end_date_visibility_restriction for one in sent if one.end_date_visibility_restriction is not None]
    assert ends == [datetime.date(2026, 7, 6)]
    assert "249 statements in 3 bodies" in err and "1 hold in no country" in err


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--since", "2026-07-02"], 165),
        (["--from", "2026-07-02", "--to", "2026-07-02"], 83),
        (["--to", "2026-06-30"], 0),
    ],
)
def test_a_period_of_statements_is_those_that_began_in_it(capsys, home, options, count):
    code, out, _ = run(capsys, home, "--format", "dsa", *options)
    assert code == 0
    assert sum(len(orjson.loads(line)["statements"]) for line in out.splitlines()) == count


def test_the_report_is_printed_as_json_csv_and_table(capsys, home):
    period = ("--from", "2026-07-01", "--to", "2026-07-03")
    for options in (("--json",), ("--format", "json")):
        code, out, _ = run(capsys, home, *options, *period)
        assert (code, orjson.loads(out)["acts"]["by_rule"]) == (0, {"rumours": 250})
    _, out, _ = run(capsys, home, "--format", "csv", *period)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {"section": "acts", "measure": "total", "key": "", "value": "250"} in rows
    _, out, _ = run(capsys, home, *period)
    assert "what was done from 2026-07-01 to 2026-07-03" in out and "250" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "july"], "--from 'july' is no date"),
        (["--from", "2026-07-02", "--to", "2026-07-01"], "give an earlier first day"),
        (["--from", "2026-07-01", "--since", "2026-07-01"], "keep one of them"),
        (["--json", "--format", "dsa"], "two formats"),
        (["--format", "pdf"], "pdf"),
    ],
)
def test_options_that_do_not_hold_are_refused(capsys, home, options, said):
    code, _, err = run(capsys, home, *options)
    assert code == 2 and said in err


def test_a_statement_that_was_altered_is_named_and_nothing_after_it_is_sent(capsys, tmp_path):
    spoilt = paper(1, JULY)
    store = open_sqlite(tmp_path / "weir.db", exclusive=True)
    content = spoilt.content.replace("STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "NONSENSE")
    changed = Entry(spoilt.id, content, spoilt.state, spoilt.subject, at=spoilt.at)
    statements_of(store).edit([spoilt.id], lambda _: [changed]).result()
    store.close()
    code, out, err = run(capsys, tmp_path, "--format", "dsa")
    assert (code, out) == (1, "") and spoilt.id in err and "category" in err


def test_a_folder_without_a_store_is_refused(capsys, tmp_path):
    code, _, err = run(capsys, tmp_path, "--json")
    assert code == 2 and "weir:" in err
