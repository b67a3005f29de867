"""``weir policy``: what is wrong with a policy, what another changes, and which items that moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controls.decisions import Basis, DecisionType
from controls.policy import canonical, content_hash, parse
from controls.proposals import Proposal
from feed.cli import main
from feed.processes.offline import decided, owned
from feed.settings import Settings

SOUND = """\
name: mine
rules:
  - id: spam
    tier: restricted
    when: {signal: label.spam, min: 0.5}
    missing: skip
    basis: {kind: terms, clause: "1"}
    review_by: 2099-01-01
"""
CORPUS = """\
examples:
  - {name: spam, item: {labels: {spam: 0.9}}, expect: {tier: restricted}}
"""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SOUND, encoding="utf-8")
    return path


def beside(path: Path, text: str) -> Path:
    corpus = path.with_name(f"{path.stem}.corpus.yaml")
    corpus.write_text(text, encoding="utf-8")
    return corpus


def test_a_sound_policy_passes_and_its_examples_are_tried(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(sound)]) == 0
    assert capsys.readouterr().out == f"{sound}: sound\n"
    corpus = beside(sound, CORPUS)
    assert main(["policy", "check", str(sound), str(corpus)]) == 0
    assert capsys.readouterr().out == f"{sound}: sound, 1 of 1 examples as expected\n"


def test_a_finding_says_what_where_why_and_how_to_fix(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound.write_text(SOUND.replace("tier: restricted", "tier: blocked"), encoding="utf-8")
    assert main(["policy", "check", str(sound)]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[:4] == [
        f"{sound}:6: error blocked-skips at rules.0.missing",
        "    rule 'spam' blocks, and skips items whose signal is missing",
        "    why: controls fail closed: what has not been looked at yet would be shown",
        "    fix: use missing: hold, or apply",
    ]
    assert "1 of 1 policies need work" in told.err


def test_advice_fails_only_when_it_is_to(sound: Path) -> None:
    sound.write_text(SOUND.replace("2099", "2020"), encoding="utf-8")
    assert main(["policy", "check", str(sound)]) == 0
    assert main(["policy", "check", "--strict", str(sound)]) == 1


def test_an_example_that_comes_out_otherwise_fails_where_it_stands(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = beside(sound, CORPUS.replace("0.9", "0.4"))
    assert main(["policy", "check", str(sound)]) == 1
    told = capsys.readouterr().out
    assert f"{corpus}:2: error example 'spam': tier is standard, not restricted" in told
    assert f"{corpus}:1: error no example is decided by rule 'spam'" in told


def test_examples_that_cannot_be_read_are_a_finding_in_their_file(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = beside(sound, CORPUS.replace("labels", "label"))
    assert main(["policy", "check", str(sound)]) == 1
    assert f"{corpus}:2: error corpus at {corpus.name}.examples.0.item.label" in capsys.readouterr().out


def test_what_was_found_is_told_as_json(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside(sound, CORPUS)
    sound.write_text(SOUND.replace("2099", "2020"), encoding="utf-8")
    assert main(["policy", "check", "--json", str(sound)]) == 0
    (told,) = json.loads(capsys.readouterr().out)["files"]
    (finding,) = told["findings"]
    assert (finding["kind"], finding["severity"], finding["line"]) == ("review-overdue", "advice", 8)
    assert finding["path"] == "rules.0.review_by" and finding["what"] and finding["why"] and finding["fix"]
    assert told["examples"] == [{"name": "spam", "line": 2, "wrong": [], "decided_by": ["spam"]}]
    assert told["undecided"] == []


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(tmp_path / "none.yaml")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["policy", "diff", str(tmp_path / "none.yaml"), str(tmp_path)]) == 2


def test_a_text_that_is_no_policy_is_bad_input_for_a_comparison(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("nome: x\n", encoding="utf-8")
    assert main(["policy", "diff", str(sound), str(wrong)]) == 2
    assert f"{wrong}: nome: unknown field (did you mean 'name'?)" in capsys.readouterr().err


def test_a_comparison_tells_every_field_that_differs(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SOUND.replace("0.5", "0.4"), encoding="utf-8")
    assert main(["policy", "diff", str(sound), str(sound)]) == 0
    assert capsys.readouterr().out == "no rule, tier or set differs\n"
    assert main(["policy", "diff", str(sound), str(other)]) == 0
    before, after = '{"signal": "label.spam", "min": 0.5}', '{"signal": "label.spam", "min": 0.4}'
    assert capsys.readouterr().out == f"~ rules.spam.when: {before} -> {after}\n"
    assert main(["policy", "diff", "--json", str(sound), str(other)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"changes": [{"kind": "changed", "where": "rules.spam.when", "old": before, "new": after}]}


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A store of ten items with a label spam from 0.0 to 0.9."""
    lines = [json.dumps({"type": "item", "id": f"i{n}", "author": "a", "title": "t"}) for n in range(10)]
    lines += [
        json.dumps({"type": "label", "item": f"i{n}", "name": "spam", "score": n / 10, "given_at": 1_700_000_000})
        for n in range(10)
    ]
    data = tmp_path / "items.ndjson"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["import", "ndjson", str(data), "--home", str(tmp_path / "home")]) == 0
    capsys.readouterr()
    return tmp_path / "home"


def test_a_comparison_over_a_store_tells_which_items_move(
    sound: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SOUND.replace("0.5", "0.7") + "    effect: {age_gate: adult}\n", encoding="utf-8")
    compared = ["policy", "diff", str(sound), str(other), "--home", str(home)]
    assert main([*compared, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["moves"] == [
        {"old": "restricted", "new": "standard", "items": 2, "examples": ["i5", "i6"]}
    ]
    assert main([*compared, "--age", "minor"]) == 0
    told = capsys.readouterr().out
    assert "i7, i8, i9" in told and "held" in told
    assert main(["policy", "diff", str(sound), str(sound), "--home", str(home)]) == 0
    assert "no item changes tier" in capsys.readouterr().out


def test_the_active_policy_and_a_version_can_be_compared_with_a_file(
    sound: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = parse(SOUND.replace("0.5", "0.3"))
    version = content_hash(policy)
    basis = Basis("operations", "policy publication")
    with owned(Settings(home=home)) as service:
        service.store.policies.put(version, canonical(policy).decode(), service.clock.now()).result()
        published = {"policy": version}
        decided(service, Proposal(DecisionType.PUBLISH_POLICY, None, "to compare", basis, parameters=published))
    for name in ("active", version):
        assert main(["policy", "diff", name, str(sound), "--home", str(home)]) == 0
        told = capsys.readouterr().out
        assert told.startswith("~ rules.spam.when") and "i3, i4" in told


def test_without_an_active_policy_there_is_nothing_to_compare_with(
    sound: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "diff", "active", str(sound), "--home", str(home)]) == 2
    assert "no policy is active" in capsys.readouterr().err


def test_a_label_that_no_item_of_the_store_has_is_advice(
    sound: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "check", str(sound), "--home", str(home)]) == 0
    assert capsys.readouterr().out == f"{sound}: sound\n"
    sound.write_text(SOUND.replace("label.spam", "label.spma"), encoding="utf-8")
    assert main(["policy", "check", str(sound), "--home", str(home)]) == 0
    assert "advice unknown-signal at rules.0.when" in capsys.readouterr().out
