"""Every parser of what comes from outside: whatever it is given, it answers with its own errors, soon, in little room.

Policies and checkpoints are beside ``controls``; tokens in ``test_auth.py``.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import jwt
import numpy as np
import orjson
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controls.notes import SignerKey
from feed.access.keys import parse_key_set
from feed.cases.report_form import checked_form, read_form
from feed.errors import BodyUnreadable, CursorRefused, ExportAltered, InputInvalid, SetupInvalid
from feed.importers.lines import START
from feed.importers.ndjson import WeirNdjson
from feed.items.importing import lines_of
from feed.ledger.export import check_export, write_export
from feed.ledger.keys import LogKeys
from feed.models.library import PolicyDocuments
from feed.pages.cursor import Cursors, Session
from feed.pages.packing import packed, unpacked
from feed.pages.recording import decode
from feed.transparency.dsa_export import fields_now
from feed.transparency.statement_papers import Statement
from ranking.errors import GraphError
from ranking.graph import ItemGraph
from ranking.graph_file import FORMAT, MAGIC
from tests.contracts.making import decision
from tests.unit.controls.mutating import bent, little_room, mutated, refuses
from tests.unit.controls.test_statement_fields import WHOLE
from tests.unit.feed.cases.case_office import NOW, act, office
from tests.unit.ranking.test_graph import PREFIX

FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))


CURSORS = Cursors(b"a secret of more than thirty-two bytes", 86_400)
CURSOR = CURSORS.encode(
    Session(np.arange(40, dtype=np.int32), np.zeros(40, dtype=np.uint8), NOW - 60, NOW), "r1", "home:"
)


@given(st.text(max_size=80) | mutated(CURSOR.encode()).map(lambda text: text.decode("latin-1")))
def test_any_text_is_the_cursor_itself_or_refused(text):
    def read() -> None:
        assert CURSORS.decode(text, "r1", "home:", NOW).rows.tolist() == list(range(40))

    # The last character has two bits that say nothing.
    assert refuses(read, CursorRefused) or text[:-1] == CURSOR[:-1]


@pytest.mark.parametrize(
    "text", ["A" * 10_000_000, CURSOR * 3, CURSOR + "=", CURSOR + "A", CURSOR[:-1], "=" * 40, "\u0661" * 40, "-_" * 30]
)
def test_cursors_of_any_length_are_refused_in_little_room(text):
    with little_room():
        assert refuses(lambda: CURSORS.decode(text, "r1", "home:", NOW), CursorRefused)


LINES = [
    {"type": "item", "id": "i", "author": "a", "title": "t", "topics": ["x"], "published_at": NOW, "language": "de"},
    {"type": "author", "id": "a", "name": "A", "standing": 50, "kind": "person", "identity": "verified"},
    {"type": "label", "item": "i", "name": "rumour", "score": 0.5, "given_by": "c", "given_at": NOW},
    {"type": "event", "reader": "r", "item": "i", "kind": "click", "occurred_at": NOW, "client_id": "c"},
]
LINES_TEXT = b"\n".join(orjson.dumps(line) for line in LINES)
NASTY_LINES = [
    b"[" * 500_000,
    b'{"type":' * 50_000,
    b'{"type":"item","id":"' + b"x" * 900_000 + b'"}',
    b"x" * 3_000_000,
    b'{"type":"item","id":"i","published_at":' + b"9" * 100_000 + b"}",
    b"\xff" * 1000,
    b"\0\n" * 1000,
    b'{"type":"item","id":"\\ud800"}',
    b"\xef\xbb\xbf" * 3,
]


@FEW
@given(
    mutated(LINES_TEXT)
    | st.binary(max_size=200)
    | st.sampled_from(LINES).flatmap(bent).map(lambda d: json.dumps(d, default=str).encode("utf-8", "replace"))
)
def test_every_line_of_an_import_is_taken_or_refused(tmp_path, text):
    check_lines(tmp_path, text)


@pytest.mark.parametrize("text", NASTY_LINES, ids=range(len(NASTY_LINES)))
def test_lines_that_are_bombs_are_refused_in_little_room(tmp_path, text):
    with little_room():
        check_lines(tmp_path, text)


def check_lines(folder: Path, text: bytes) -> None:
    file = folder / "x.ndjson"
    file.write_bytes(text)
    for taken in WeirNdjson(file).read(0, after=START, now=NOW):
        assert bool(taken.records) != (taken.refusal is not None)


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 40))
def test_lines_of_a_stream_are_the_lines_of_its_whole_or_too_long(chunks, longest):
    async def read() -> list[bytes | None]:
        async def stream() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return [line async for line in lines_of(stream(), longest)]

    whole = b"".join(chunks).split(b"\n")
    whole = whole[:-1] if not whole[-1] else whole
    assert anyio.run(read) == [line if len(line) <= longest else None for line in whole]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with office(tmp_path_factory.mktemp("fuzz")) as opened:
        yield opened


BATCH = {
    "events": [{"client_id": f"c{n}", "reader": "r1", "item": "i1", "kind": "like", "occurred_at": NOW} for n in "ab"]
}
BODIES = {
    "/v1/events": BATCH,
    "/v1/labels": {"labels": [{"item": "i1", "name": "rumour", "score": 0.5}]},
    "/v1/decisions": act("suppress") | {"parameters": {}, "scope": {"surfaces": ["home"], "regions": ["DE"]}},
    "/v1/reports": {"item": "i1", "category": "terms", "text": "wrong"},
    "/v1/experiments": {"id": "e", "arms": {"a": {}, "b": {"explore_every": 10}}},
}


@FEW
@given(st.data())
@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.rpartition("/")[2])
def test_every_body_is_taken_or_refused(desk, path, data):
    body = data.draw(
        mutated(orjson.dumps(BODIES[path])) | bent(BODIES[path]).map(lambda d: json.dumps(d, default=str).encode())
    )
    answer = desk.call("POST", path, "admin:root", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 201, 202, 400, 404, 409, 412, 413, 422), (body, answer.text)


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.rpartition("/")[2])
@pytest.mark.parametrize(
    "bomb", [b"[" * 900_000, b'{"a":' * 150_000, b"9" * 900_000, b'"' + b"\\u0000" * 150_000 + b'"']
)
def test_bodies_that_are_bombs_are_refused_in_little_room(desk, path, bomb):
    with little_room():
        answer = desk.call("POST", path, "admin:root", content=bomb, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


@FEW
@given(st.data())
def test_a_serving_that_was_altered_is_refused_or_still_one(desk, data):
    if not desk.store.servings.newest(1):
        desk.done("GET", "/v1/feed?reader=r1", "feed:app")
        desk.service.servings.close()
    (serving,) = desk.store.servings.newest(1)
    plain = unpacked(serving.inputs)
    block = data.draw(
        mutated(serving.inputs)
        | mutated(zlib.compress(plain))
        | mutated(plain).map(lambda t: packed([t or b"?"])[0])
        | mutated(plain[:600]).map(lambda t: packed([t + plain[600:]])[0])
    )
    refuses(lambda: decode(block), ValueError)


def deflated(chunks):
    packer = zlib.compressobj(9)
    return b"".join(map(packer.compress, chunks)) + packer.flush()


def streamed(chunks):
    """A frame that does not tell its size."""
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(map(packer.compress, chunks)) + packer.flush()


def told(chunks):
    packer = zstandard.ZstdCompressor().compressobj(size=400 << 20)
    return b"".join(map(packer.compress, chunks)) + packer.flush()


@pytest.mark.parametrize("compress", [deflated, streamed, told])
def test_a_few_bytes_do_not_unpack_to_very_many(compress):
    bomb = compress(b"\0" * (1 << 20) for _ in range(400))
    with little_room():
        assert refuses(lambda: decode(bomb), ValueError)


GRAPH = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[0.5], [0.25]]), trainer="test")


@FEW
@given(st.data())
def test_a_model_file_that_was_altered_is_refused_even_with_its_checksum_made_right(tmp_path, data):
    file = tmp_path / "graph"
    GRAPH.save(file)
    raw = file.read_bytes()
    _, _, length, _ = PREFIX.unpack(raw[: PREFIX.size])
    header, rest = raw[PREFIX.size : PREFIX.size + length], raw[PREFIX.size + length :]
    changed = data.draw(mutated(header) | bent(json.loads(header)).map(lambda d: json.dumps(d, default=str).encode()))
    prefix = PREFIX.pack(MAGIC, FORMAT, len(changed), hashlib.sha256(changed).digest())
    file.write_bytes(data.draw(st.sampled_from([prefix + changed + rest, raw])))
    if file.read_bytes() == raw:
        file.write_bytes(data.draw(mutated(raw)))
    with little_room():
        if not refuses(lambda: ItemGraph.load(file), GraphError):
            assert ItemGraph.load(file).neighbours.tolist() == GRAPH.neighbours.tolist()


def jwks() -> list[dict[str, Any]]:
    keys: list[tuple[str, Any]] = [
        ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ]
    return [{**json.loads(jwt.get_algorithm_by_name(name).to_jwk(key.public_key())), "kid": name} for name, key in keys]


KEYS = {"keys": jwks()}


@FEW
@given(
    mutated(orjson.dumps(KEYS)) | bent(KEYS).map(lambda d: json.dumps(d, default=str).encode()) | st.binary(max_size=60)
)
def test_a_key_set_that_was_altered_is_refused_or_read(text):
    refuses(lambda: parse_key_set(text, "here"), SetupInvalid)


@given(st.binary(max_size=200) | mutated(b"item=i1&category=terms&text=wrong&good_faith=yes&key=k&name=n&email=e"))
def test_any_form_is_read_or_refused(body):
    refuses(lambda: checked_form(read_form(body)), BodyUnreadable, InputInvalid)


@FEW
@given(bent(WHOLE), st.none() | st.integers(-(1 << 40), 1 << 62))
def test_a_statement_that_was_altered_is_not_exported_but_named(fields, until):
    told = Statement("s1", "i1", "a1", {}, "", NOW, until, fields if isinstance(fields, dict) else {})
    refuses(lambda: fields_now(told), ValueError)


KEYS_OF_LOG = LogKeys(SignerKey("weir.example/log", b"n" * 32))


@pytest.fixture(scope="module")
def exported(desk, tmp_path_factory) -> list[Any]:
    desk.store.ledger.append_all([decision(f"d{number}") for number in range(3)]).result()
    file = tmp_path_factory.mktemp("log") / "export"
    with file.open("wb") as out:
        documents = PolicyDocuments(desk.store.policies)
        write_export(desk.store, KEYS_OF_LOG, documents, out, attachments=True, told=lambda *_: None)
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


@FEW
@given(st.data())
def test_an_export_of_the_ledger_that_was_altered_and_written_anew_is_refused(tmp_path, exported, data):
    at = data.draw(st.integers(0, len(exported) - 1))
    changed = [*exported]
    changed[at] = data.draw(bent(exported[at]))
    try:
        lines = [orjson.dumps(line, option=orjson.OPT_SORT_KEYS) for line in changed]
    except TypeError:  # what is no JSON, such as half a character
        return
    file = tmp_path / "altered"
    file.write_bytes(b"\n".join(lines) + b"\n")
    refused = refuses(lambda: check_export(file, (KEYS_OF_LOG.signer.verifier,), lambda *_: None), ExportAltered)
    # Which keys the export names is not signed, and who brings a key does not go by it.
    same = at == 0 and not refused and {**changed[0], "keys": 0} == {**exported[0], "keys": 0}
    assert refused or same or "attachments" in exported[at] or changed == exported
