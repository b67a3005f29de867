"""``weir capacity`` reads a store and tells whether there are people enough."""

from __future__ import annotations

import json

import pytest

from controls.cases import CaseKind
from controls.decisions import Subject, SubjectKind
from feed.bootstrap import open_service
from feed.cases.keeping import open_case
from feed.cli import main
from feed.settings import Settings


@pytest.fixture
def home(tmp_path):
    service = open_service(Settings(home=tmp_path))
    now = service.clock.now()
    for number in range(8):
        subject = Subject(SubjectKind.ITEM, f"i{number}")
        open_case(service, CaseKind.ORDER, subject, "order", "take it down", at=now)
    service.store.close()
    return tmp_path


def test_it_sets_hours_needed_against_hours_there(home, capsys, monkeypatch):
    monkeypatch.setenv("WEIR_REVIEW_HOURS", "8")
    assert main(["capacity", "--home", str(home), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["needed"], told["waiting"], told["there"], told["share"]) == (4.0, 4.0, 8.0, 0.5)
    assert {load["kind"]: load["waiting"] for load in told["loads"]}["order"] == 8


def test_it_says_what_to_do_while_nobody_has_counted_the_hours(home, capsys):
    assert main(["capacity", "--home", str(home)]) == 0
    told = capsys.readouterr().out
    assert "WEIR_REVIEW_HOURS" in told
    assert "no time left" in told
    assert "30.0 (assumed)" in told
