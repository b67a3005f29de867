"""Whatever is sent to any route, fitting its description or not, with any role's token, is answered as described.

The requests are made by schemathesis out of the OpenAPI document; half of their ids are such as there are.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from httpx import Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from feed.access.caller import SCOPES
from feed.http.problems import PROBLEMS
from tests.unit.feed.cases.case_office import Office, act, office

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 4}
"""Requests to each route whose input fits its description, and whose input does not."""
ROLES = ("", *SCOPES)

POLICY = "name: any\nrules: []\n"
YAML = {"Content-Type": "application/yaml"}


@schemathesis.serializer("application/x-ndjson")
def _lines(context: Any, value: Any) -> bytes:
    return json.dumps(value, default=str).encode() + b"\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("any")) as opened:
        yield opened


@pytest.fixture(scope="module")
def known(desk) -> dict[str, list[str]]:
    """Ids that there are, by their names in paths: so that some requests get further than to a 404."""
    report = desk.report()
    decided = desk.done("POST", "/v1/decisions", "moderator:mod", json=act("suppress", "i2"))["decision"]["id"]
    drafted = desk.done("POST", "/v1/policy/drafts", "policy:p", content=POLICY, headers=YAML)["version"]
    desk.done("PUT", "/v1/communities/club", "admin:root", json={"name": "Club", "founder": "r1"})
    desk.done("POST", "/v1/keys", "admin:root", json={"name": "app", "scopes": ["feed"]})
    desk.done("PUT", "/v1/authors/a1", "admin:root", json={"name": "A"})
    page = desk.done("GET", "/v1/feed?reader=r1", "feed:app")
    return {
        "item": ["i0", "i1", "i2", "i3"],
        "reader": ["r1"],
        "author": ["a0", "a1"],
        "decision": [decided],
        "version": [drafted],
        "community": ["club"],
        "name": ["app", "not-found"],
        "report": [report["id"]],
        "case": [desk.queue()[0]["id"]],
        "request_id": [page["request_id"]],
    }


def sent(desk: Office, case: Any, who: str) -> Response:
    """The answer to a generated request, made by somebody."""
    asked = case.as_transport_kwargs(base_url="http://testserver")
    headers = {name: value for name, value in asked.pop("headers").items() if name.lower() != "authorization"}
    asked.pop("cookies", None)
    data = asked.pop("data", None)
    if isinstance(data, bytes | str):
        asked["content"] = data
    elif data is not None:
        asked["data"] = data
    url, method = asked.pop("url"), asked.pop("method")
    return desk.call(method, url, who, headers=headers, **asked)


def check(case: Any, answer: Response, who: str) -> None:
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400 and not answer.headers["content-type"].startswith("text/html"):
        told = answer.json()
        problem = PROBLEMS[told["type"].removeprefix("/problems/")]
        assert problem.status == answer.status_code == told["status"], (who, told)
        assert told["detail"], told
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


def operations(app: Any) -> Iterator[Any]:
    schema: Any = schemathesis.openapi.from_dict(app.openapi())
    for found in schema.get_all_operations():
        yield found.ok()


@pytest.mark.slow
def test_every_route_answers_any_input_as_it_is_described(desk, known):
    asked = []

    def tried(operation: Any, mode: GenerationMode) -> Callable[[], None]:
        needed = [scope for one in operation.definition.raw.get("security", ()) for scope in one["bearer"]]
        roles = st.sampled_from([*needed, *needed, *ROLES])

        @settings(
            max_examples=EXAMPLES[mode],
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(st.data(), operation.as_strategy(generation_mode=mode))
        def one(data: st.DataObject, case: Any) -> None:
            role = data.draw(roles)
            who = f"{role}:{data.draw(st.sampled_from(['r1', 'a1', 'x']))}" if role else ""
            for name in case.path_parameters or ():
                if name in known and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
            answer = sent(desk, case, who)
            check(case, answer, who)
            asked.append(answer.status_code)

        return one

    for operation in operations(desk.client.app):
        for mode in EXAMPLES:
            # What takes nothing cannot be given what does not fit it.
            with contextlib.suppress(Unsatisfiable):
                tried(operation, mode)()
    assert len(asked) > 500
    assert sum(status < 300 for status in asked) > 100
