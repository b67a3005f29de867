"""One rule for ids, held to by every route, importer and token; and no text comes in that no store could keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from feed.importers.reading import Malformed, identifier
from feed.schemas.fields import Id, is_id
from tests.unit.feed.cases.case_office import office

NO_IDS = {
    "nothing": "",
    "a step": ".",
    "a step up": "..",
    "a slash": "a/b",
    "a backslash": "a\\b",
    "an encoded step": "%2e%2e",
    "a percent sign": "100%",
    "nul": "a\0",
    "a line": "a\nb",
    "a control": "a\x9f",
    "a line separator": "a\u2028b",
    "an override": "a\u202egnp.exe",
    "an isolate": "\u2066a\u2069",
    "a mark": "a\u200f",
    "no width": "a\u200bb",
    "a byte order mark": "\ufeffa",
    "what was not read": "a\ufffd",
    "half a character": "a\ud800",
    "a space": " ",
    "a space before": " a",
    "a space after": "a ",
    "a wide space": "a\u3000b",
    "too long": "x" * 129,
}
IDS = [
    "a",
    "...",
    ".a",
    "a.",
    "..a",
    "item-1",
    "a b",
    "käse",
    "作者",
    "a:b",
    "tag?#&=+",
    "🎈",
    "x" * 128,
    "می\u200cخواهم",
    "~@",
]

_READ: TypeAdapter[str] = TypeAdapter(Id)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with office(tmp_path_factory.mktemp("ids")) as opened:
        yield opened


def read(text: str) -> bool:
    try:
        _READ.validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", NO_IDS.values(), ids=NO_IDS.keys())
def test_what_hides_or_means_a_path_is_no_id(text):
    assert not is_id(text)
    assert not read(text)
    with pytest.raises(Malformed):
        identifier(text, "movieId")


@pytest.mark.parametrize("text", IDS)
def test_ids_are_in_any_script(text):
    assert is_id(text)
    assert read(text)
    assert identifier(text, "movieId") == text


@given(st.text(alphabet=st.one_of(st.sampled_from(" ./\\%a\0\u202e\u200c"), st.characters()), max_size=6))
def test_every_reader_of_ids_has_the_same_rule(text):
    assert read(text) == is_id(text)
    if is_id(text):
        assert text == text.strip()
        assert text not in (".", "..")


def paths(desk: Any) -> Iterator[tuple[str, str, str]]:
    """Every method, path and name of an id in it."""
    for path, operations in desk.client.app.openapi()["paths"].items():
        for method in operations:
            for name in re.findall(r"\{(\w+)\}", path):
                yield method.upper(), path, name


def filled(path: str, name: str, id: str) -> str:
    """The path with an id in one place, and usable ones in the others."""
    put = re.sub(r"\{(\w+)\}", lambda found: quote(id, "") if found[1] == name else "i1", path)
    return f"{put}?reader=r1" if path.endswith("/related") else put


def test_every_id_in_every_path_is_held_to_the_rule(desk):
    asked = list(paths(desk))
    assert len(asked) > 50
    for method, path, name in asked:
        for bad in ("\0", "a\u202eb", "100%", "x" * 129):
            answer = desk.call(method, filled(path, name, bad), "admin:root", json={} if method != "GET" else None)
            told = answer.json()
            assert (answer.status_code, told["type"]) == (422, "/problems/input-invalid"), (method, path, bad, told)
            assert name in {error["field"] for error in told["errors"]}, (method, path, told)


@pytest.mark.parametrize("bad", [".", "..", "a%5Cb", "%2525", "%E2%80%AE", "%00", "%20", "%FF"])
def test_pages_are_not_made_for_what_is_no_reader(desk, bad):
    for path in (
        f"/v1/feed?reader={bad}",
        f"/v1/items/i1/related?reader={bad}",
        f"/v1/feed?surface=community:{bad}&reader=r",
    ):
        assert "is no" in desk.refused(422, "input-invalid", "GET", path, "feed:app")
    assert desk.store.servings.newest(10) == []


@pytest.mark.parametrize("bad", [".", "..", "a\\b", "a%2Fb", "\u202e", "a "])
@pytest.mark.parametrize("scope", ["reader", "author"])
def test_a_personal_token_speaks_for_nobody_with_such_an_id(desk, scope, bad):
    desk.refused(401, "token-invalid", "GET", "/v1/feed", f"{scope}:{bad}")


def test_a_name_is_given_once_in_a_query(desk):
    for path in ("/v1/feed?reader=r1&reader=r2", "/v1/feed?reader=r1&limit=1&limit=2", "/v1/decisions?limit=1&limit=2"):
        told = desk.refused(422, "input-invalid", "GET", path, "admin:root")
        assert "is given more than once" in told


def test_what_answers_get_answers_head(desk):
    for path in ("/docs", "/livez", "/v1/policy", "/problems", "/v1/feed?reader=r1", "/openapi.json"):
        assert desk.call("HEAD", path, "admin:root").status_code == 200, path
    assert desk.call("HEAD", "/v1/events", "admin:root").status_code == 405
    assert desk.call("HEAD", "/v1/keys", "reader:r1").status_code == 403


def test_a_policy_holds_no_controls_in_its_texts(desk):
    for name in ('"a\\0b"', '"\\x1b[2J"', '"\\x07"'):
        text = f"name: {name}\nrules: []\n"
        headers = {"Content-Type": "application/yaml"}
        desk.refused(422, "invalid-policy", "POST", "/v1/policy/drafts", "policy:p", content=text, headers=headers)


def strings(
    schema: Mapping[str, Any], where: str, known: Mapping[str, Any], seen: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    """Every string that a schema takes, with where it stands."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        if name not in seen:
            yield from strings(known[name], where, known, seen | {name})
        return
    if schema.get("type") == "string":
        yield where, schema
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, ()):
            yield from strings(part, where, known, seen)
    for name, part in schema.get("properties", {}).items():
        yield from strings(part, f"{where}.{name}", known, seen)
    for word in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(word), dict):
            yield from strings(schema[word], f"{where}[]", known, seen)


def test_no_text_comes_in_that_no_store_could_keep(desk):
    """PostgreSQL keeps no NUL in texts; a pattern or a closed list keeps it out before."""
    document = desk.client.app.openapi()
    taken: list[tuple[str, Any]] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            inputs = [(one["name"], one["schema"]) for one in operation.get("parameters", ())]
            inputs += [
                (kind, media["schema"]) for kind, media in operation.get("requestBody", {}).get("content", {}).items()
            ]
            for name, schema in inputs:
                taken += strings(schema, f"{method} {path} {name}", document["components"]["schemas"], frozenset())
    assert len(taken) > 200
    for where, schema in taken:
        closed = any(word in schema for word in ("enum", "const", "format"))
        assert closed or not re.search(schema.get("pattern", ""), "\0") or schema.get("pattern") == "", where
        assert closed or "pattern" in schema, where
