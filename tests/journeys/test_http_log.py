"""The public log over HTTP, believed only as far as its signatures and proofs reach; and the commands beside it."""

from __future__ import annotations

import json

import pytest

from controls.checkpoints import opened_checkpoint
from controls.ledger import leaf_hash
from controls.merkle import MerkleTree, verify_consistency, verify_inclusion
from controls.notes import VerifierKey
from feed.cli import main
from tests.journeys.http_service import decision, running

COUNT = 5


def decided(http, count=COUNT):
    for number in range(count):
        body = decision("suppress", f"item-{number}", http.service.clock.now())
        made = http.call("POST", "/v1/decisions", "editor", subject="edith", json=body)
        assert made.status_code == 201, made.text


def keys_of(http):
    told = http.client.get("/v1/log/keys").json()
    return told["origin"], [VerifierKey.parse(one["key"]) for one in told["keys"]]


def test_anybody_can_follow_the_ledger_from_checkpoint_to_entry(http):
    decided(http)
    origin, keys = keys_of(http)
    answer = http.client.get("/v1/log/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    checkpoint, _ = opened_checkpoint(answer.text, keys, origin)
    told = http.client.get("/v1/log/entries").json()
    leaves = [entry["leaf"].encode() for entry in told["entries"]]
    assert (told["size"], told["next"], checkpoint.size, len(leaves)) == (COUNT, None, COUNT, COUNT)
    assert MerkleTree(map(leaf_hash, leaves)).root() == checkpoint.root
    for revision, leaf in enumerate(leaves, start=1):
        proof = http.client.get(f"/v1/log/proof?revision={revision}").json()
        signed, _ = opened_checkpoint(proof["checkpoint"], keys, origin)
        assert signed == checkpoint
        path = [bytes.fromhex(part) for part in proof["path"]]
        assert verify_inclusion(leaf_hash(leaf), revision - 1, COUNT, path, signed.root)
    decided(http, 3)
    grown = http.client.get(f"/v1/log/proof?first={COUNT}").json()
    later, _ = opened_checkpoint(http.client.get("/v1/log/checkpoint").text, keys, origin)
    path = [bytes.fromhex(part) for part in grown["path"]]
    assert verify_consistency(COUNT, later.size, path, checkpoint.root, later.root)


def test_entries_name_no_person_and_are_the_same_for_everybody(http):
    decided(http, 2)
    public = http.client.get("/v1/log/entries?start=1&end=2")
    assert http.call("GET", "/v1/log/entries?start=1&end=2", "auditor").content == public.content
    assert "edith" not in public.text
    assert set(public.json()["entries"][0]) == {"revision", "leaf", "leaf_hash"}


def test_entries_come_in_bounded_answers_that_say_where_to_go_on(http):
    decided(http)
    first = http.client.get("/v1/log/entries?start=2&end=3").json()
    assert ([entry["revision"] for entry in first["entries"]], first["next"]) == ([2, 3], 4)
    rest = http.client.get(f"/v1/log/entries?start={first['next']}&end=99").json()
    assert ([entry["revision"] for entry in rest["entries"]], rest["next"]) == ([4, 5], None)
    assert http.client.get(f"/v1/log/entries?start={COUNT + 1}").json()["entries"] == []


def test_an_empty_ledger_has_a_signed_checkpoint_and_nothing_to_prove(shared_http):
    origin, keys = keys_of(shared_http)
    assert opened_checkpoint(shared_http.client.get("/v1/log/checkpoint").text, keys, origin)[0].size == 0
    assert shared_http.client.get("/v1/log/entries").json() == {"entries": [], "size": 0, "next": None}
    shared_http.problem(shared_http.client.get("/v1/log/proof?revision=1"), 422, "input-invalid")


@pytest.mark.parametrize(
    "path",
    [
        "entries?start=0",
        "entries?start=99",
        "entries?start=3&end=2",
        "entries?start=x",
        "proof",
        "proof?revision=1&first=1",
        "proof?revision=1&second=1",
        "proof?first=1&size=1",
        "proof?revision=99",
        "proof?revision=0",
        "proof?revision=1&size=99",
        "proof?first=99",
        "proof?first=1&second=99",
        f"proof?revision={1 << 60}",
    ],
)
def test_what_the_ledger_does_not_have_is_refused_by_name(shared_http, path):
    told = shared_http.problem(shared_http.client.get(f"/v1/log/{path}"), 422, "input-invalid")
    assert told["errors"]


def run(capsys, *arguments):
    capsys.readouterr()
    code = main(["log", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_commands_work_beside_the_server_and_on_what_it_left(tmp_path, capsys):
    home, export = tmp_path / "home", tmp_path / "ledger.ndjson"
    with running(home) as http:
        decided(http)
        assert run(capsys, "checkpoint", "--home", home)[1] == http.client.get("/v1/log/checkpoint").text
        code, out, _ = run(capsys, "prove", 3, "--home", home, "--json")
        assert (code, json.loads(out)) == (0, http.client.get("/v1/log/proof?revision=3").json())
        code, _, error = run(capsys, "prove", 99, "--home", home)
        assert (code, "not among the first 5" in error) == (2, True)
        assert run(capsys, "export", export, "--home", home)[0] == 0
        assert run(capsys, "export", export, "--home", home)[0] == 2
        assert run(capsys, "rotate", "--home", home)[0] == 1
        key = http.client.get("/v1/log/keys").json()["keys"][0]["key"]
    code, out, _ = run(capsys, "verify", "--home", home, "--json")
    assert (code, json.loads(out)["signed"], json.loads(out)["unsigned"]) == (0, COUNT, 0)
    code, out, _ = run(capsys, "rotate", "--home", home, "--json")
    assert (code, len(json.loads(out)["keys"])) == (0, 2)
    assert len(json.loads(run(capsys, "verify", "--home", home, "--json")[1])["signers"]) == 2
    code, out, _ = run(capsys, "verify", export)
    assert (code, "entries      5," in out, "as the export says itself" in out) == (0, True, True)
    code, out, _ = run(capsys, "verify", export, "--key", key)
    assert (code, "as the export says itself" in out) == (0, False)
    export.write_bytes(export.read_bytes().replace(b"item-3", b"item-9"))
    code, _, error = run(capsys, "verify", export)
    assert (code, "line 5: revision 4: the leaf does not have its hash" in error) == (1, True)
