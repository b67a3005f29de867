"""Evidence: what a takedown was about is kept as it was, until its hold is over, and proven anywhere."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from typer.testing import CliRunner

from controls.evidence import FILES, MANIFEST, SIGNATURE
from feed.cli import app
from feed.cli import main as weir
from tests.journeys.governed_stories import TEXT, decide, expose, page, story
from tests.journeys.http_service import Http

STORES = pytest.mark.parametrize("where", ["memory", "sqlite"])


def evidence(http: Http, decision: str) -> Any:
    answer = http.call("GET", f"/v1/decisions/{decision}/evidence", "auditor")
    assert answer.status_code == 200, answer.text
    return answer.json()


@STORES
def test_a_takedown_preserves_the_item_as_it_was_whatever_becomes_of_it(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "somebody exposed", "r2")
        label = {"item": "copied", "name": "rumour", "score": 0.9}
        assert http.call("POST", "/v1/labels", "classifier", json={"labels": [label]}).status_code < 300
        http.settled()
        labelled = decide(http, "label", "copied", parameters={"name": "satire", "score": 1})["decision"]["id"]
        id = decide(http, "takedown", "copied")["decision"]["id"]
        http.call("PUT", "/v1/items/copied", "admin", json={"author": "ada", "title": "Changed"})
        http.call("DELETE", "/v1/items/copied", "admin")
        http.settled()
        told = evidence(http, id)
        preserved = told["preserved"]
        (one,) = preserved["items"]
        assert (one["item"]["title"], one["item"]["text"], one["item"]["withdrawn"]) == ("Bridge", TEXT, False)
        assert one["exposures"] == 2
        assert sorted(one["family"]) == ["copied", "copy"]
        assert [label["name"] for label in one["labels"]] == ["rumour"]
        assert [(other["decision"], other["type"]) for other in one["earlier"]] == [(labelled, "label")]
        assert one["verdict_before"]["eligible"] and one["verdict_before"]["tier"] == "standard"
        assert [author["name"] for author in preserved["authors"]] == ["Ada"]
        assert not preserved["late"]
        assert told["held_until"] == preserved["decided_at"] + 184 * 86_400
        assert told["proof"]["revision"] == preserved["revision"]
        assert "somebody exposed" not in json.dumps(told)


@STORES
def test_evidence_is_preserved_of_restrictions_and_strikes_and_not_of_pins(tmp_path, where):
    with story(tmp_path, where) as http:
        restricted = decide(http, "restrict", "other")["decision"]["id"]
        assert [one["item"]["id"] for one in evidence(http, restricted)["preserved"]["items"]] == ["other"]
        author = {"subject": {"kind": "author", "id": "ada"}, "parameters": {"points": 10}}
        struck = decide(http, "strike", "", **author)["decision"]["id"]
        preserved = evidence(http, struck)["preserved"]
        assert (preserved["items"], [one["id"] for one in preserved["authors"]]) == ([], ["ada"])
        suppressed = decide(http, "suppress", "other")["decision"]["id"]
        http.problem(http.call("GET", f"/v1/decisions/{suppressed}/evidence", "auditor"), 404, "not-found")


@STORES
def test_a_takedown_of_an_author_preserves_what_the_author_published(tmp_path, where):
    with story(tmp_path, where, approvals=False) as http:
        id = decide(http, "takedown", "", subject={"kind": "author", "id": "ada"})["decision"]["id"]
        preserved = evidence(http, id)["preserved"]
        assert sorted(one["item"]["id"] for one in preserved["items"]) == ["copied", "copy", "other"]
        assert preserved["left_out"] == 0


@STORES
def test_copies_are_taken_down_with_it_in_one_transaction_and_come_back_with_one_undo(tmp_path, where):
    with story(tmp_path, where) as http:
        told = decide(http, "takedown", "copied", copies=True)
        subjects = [decision["subject"]["id"] for decision in told["decisions"]]
        assert subjects == ["copied", "copy"]
        assert told["decisions"][1]["evidence"] == ["a near-duplicate of item copied"]
        assert told["decisions"][1]["revision"] == told["decisions"][0]["revision"] + 1
        shown = {item["id"] for item in page(http, "r9", limit=50)["items"]}
        assert "other" in shown and not shown & {"copied", "copy"}
        for decision in told["decisions"]:
            assert evidence(http, decision["id"])["preserved"]["items"][0]["item"]["id"] == decision["subject"]["id"]
        reason = {"reason": "it was true", "basis": {"kind": "terms", "clause": "1"}}
        undone = http.call("POST", f"/v1/decisions/bulk/{told['bulk']}/reverse", "moderator", json=reason)
        assert undone.status_code == 201, undone.text
        assert {"copied", "copy"} <= {item["id"] for item in page(http, "r9", limit=50)["items"]}
        pinned = {"parameters": {"position": 0}, "copies": True}
        body = {
            "type": "pin",
            "subject": {"kind": "item", "id": "copied"},
            "expires_at": 2_000_000_000,
            **pinned,
            **reason,
        }
        http.problem(http.call("POST", "/v1/decisions", "editor", json=body), 422, "invalid-decision")


def test_the_same_key_takes_the_copies_down_once(tmp_path):
    with story(tmp_path, "memory") as http:
        body = {
            "type": "takedown",
            "subject": {"kind": "item", "id": "copied"},
            "reason": "wrong",
            "basis": {"kind": "terms", "clause": "1"},
            "expires_at": http.service.clock.now() + 3600,
            "copies": True,
        }
        key = {"Idempotency-Key": "k1"}
        first, again = (http.call("POST", "/v1/decisions", "moderator", json=body, headers=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        ids = [[one["id"] for one in answer.json()["decisions"]] for answer in (first, again)]
        assert ids[0] == ids[1] and len(ids[0]) == 2
        assert http.service.store.ledger.head() == 2


@STORES
def test_a_hold_is_longer_or_ended_by_order_and_then_the_evidence_goes(tmp_path, where):
    with story(tmp_path, where) as http:
        service = http.service
        id = decide(http, "takedown", "copied")["decision"]["id"]
        now = service.clock.now()
        where_to = f"/v1/decisions/{id}/evidence/hold"
        order = {"until": now + 400 * 86_400, "reason": "ordered by a court"}
        held = http.call("PUT", where_to, "admin", subject="counsel", json=order).json()
        assert held["held_until"] == order["until"]
        assert [(hold["by"], hold["reason"]) for hold in held["holds"]][1:] == [("counsel", "ordered by a court")]
        assert service.evidence.let_go(now + 399 * 86_400) == 0
        http.problem(http.call("PUT", where_to, "admin", json=order | {"until": now}), 422, "input-invalid")
        assert http.call("DELETE", where_to, "admin").json()["held_until"] <= service.clock.now()
        assert service.evidence.let_go(service.clock.now()) == 1
        assert service.store.register("evidence").find() == []
        http.problem(http.call("GET", f"/v1/decisions/{id}/evidence", "moderator"), 404, "not-found")
        http.problem(http.call("DELETE", where_to, "admin"), 404, "not-found")
        assert http.call("GET", f"/v1/decisions/{id}", "auditor").status_code == 200


@STORES
def test_what_is_held_is_listed_by_when_it_goes(tmp_path, where):
    with story(tmp_path, where) as http:
        ids = [
            decide(http, kind, item)["decision"]["id"] for kind, item in (("takedown", "copied"), ("restrict", "other"))
        ]
        order = {"until": http.service.clock.now() + 900 * 86_400, "reason": "ordered by a court"}
        http.call("PUT", f"/v1/decisions/{ids[0]}/evidence/hold", "admin", json=order)
        first = http.call("GET", "/v1/evidence?limit=1", "moderator").json()
        assert [(one["decision"], one["type"], one["subject"]["id"]) for one in first["evidence"]] == [
            (ids[1], "restrict", "other")
        ]
        second = http.call("GET", "/v1/evidence", "auditor", params={"limit": 1, "after": first["next"]}).json()
        assert [(one["decision"], one["held_until"]) for one in second["evidence"]] == [(ids[0], order["until"])]
        last = http.call("GET", "/v1/evidence", "auditor", params={"after": second["next"]}).json()
        assert last == {"evidence": [], "next": None}
        http.problem(http.call("GET", "/v1/evidence?after=x", "auditor"), 422, "input-invalid")


@STORES
def test_no_erasure_reaches_what_is_held_and_the_receipt_says_so(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1")
        told = decide(http, "takedown", "copied")["decision"]
        before = evidence(http, told["id"])
        assert http.call("DELETE", "/v1/readers/r1", "admin").json()["held"] == {"decisions": 0, "until": None}
        receipt = http.call("DELETE", "/v1/readers/ada", "admin").json()
        assert receipt["held"] == {"decisions": 1, "until": before["held_until"]}
        after = evidence(http, told["id"])
        assert (after["preserved"], after["seal"]) == (before["preserved"], before["seal"])


def test_what_a_crash_kept_from_being_preserved_is_preserved_at_the_next_start(tmp_path):
    with story(tmp_path, "sqlite") as http:
        id = decide(http, "takedown", "copied")["decision"]["id"]
        store = http.service.store
        store.register("evidence").remove([id, f"{id}/0"]).result()
        # The place is kept after what was done: a crash before finds it undone.
        store.register("places").remove(["consequences"]).result()
        kept = tmp_path / "crashed"
        shutil.copytree(tmp_path, kept, ignore=shutil.ignore_patterns("crashed", "*.lock", "*owner*"))
    with story(kept, "sqlite") as http:
        assert http.service.consequences.wait(1, 10)
        preserved = evidence(http, id)["preserved"]
        assert preserved["late"] and preserved["items"][0]["item"]["title"] == "Bridge"
        assert preserved["items"][0]["verdict_before"] is None


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder that was exported beside a running service, with the key of its ledger."""
    home = tmp_path_factory.mktemp("weir")
    with story(home / "data", "sqlite") as http:
        id = decide(http, "takedown", "copied")["decision"]["id"]
        decide(http, "suppress", "other")
        folder = home / "folder"
        told = CliRunner().invoke(app, ["evidence", "export", id, "--to", str(folder), "--home", str(home / "data")])
        assert told.exit_code == 0, told.output
        assert weir(["evidence", "export", id, "--to", str(folder), "--home", str(home / "data")]) == 2
        assert weir(["evidence", "export", "nothing", "--to", str(home / "x"), "--home", str(home / "data")]) == 2
        key = str(http.service.log_keys.signer.verifier)
    shutil.rmtree(home / "data")
    return folder, key, id


def test_an_exported_folder_is_checked_without_the_store(exported, capsys):
    folder, key, id = exported
    assert {path.name for path in folder.iterdir()} == {MANIFEST, SIGNATURE, *FILES}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    assert weir(["evidence", "verify", str(folder), "--key", key, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["decision"], told["type"], told["revision"], told["size"]) == (id, "takedown", 1, 2)
    assert told["signers"] == [key]
    assert "REPORT ON THE DECISION" in (folder / "report.txt").read_text()
    assert weir(["evidence", "verify", str(folder)]) == 0
    assert "as the folder says itself" in capsys.readouterr().out


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, *FILES])
def test_a_folder_in_which_a_file_was_altered_is_refused_by_the_files_name(exported, tmp_path, capsys, name):
    folder = tmp_path / "altered"
    shutil.copytree(exported[0], folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert weir(["evidence", "verify", str(folder)]) == 1
    told = capsys.readouterr().err
    assert name in told or (name == MANIFEST and "weir:" in told)


def test_a_folder_that_is_none_is_told(tmp_path, capsys):
    assert weir(["evidence", "verify", str(tmp_path / "nothing")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert weir(["evidence", "verify", str(tmp_path)]) == 1
    assert "manifest.json: it is missing" in capsys.readouterr().err
