"""Every page that a browser may show: no script, no style but its own, no frame around it, no cookie."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from starlette.routing import Route

from tests.unit.feed.cases.case_office import office

FORM = {"item": "i1", "category": "terms", "text": "wrong", "good_faith": "yes", "key": "k"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with office(tmp_path_factory.mktemp("pages")) as opened:
        for number in range(3):
            opened.report(f"i{number}", f"r{number}")
        yield opened


def pages(desk: Any) -> dict[str, Any]:
    """The answer of every route that answers HTML, by method and path."""
    filled = {"/report/{report}": desk.report(by="r9")["id"], "/problems/{name}": "not-found"}
    found = {}
    for route in desk.client.app.routes:
        response = getattr(route, "response_class", None)
        if isinstance(route, Route) and getattr(response, "media_type", "") == "text/html":
            for method in (route.methods or set()) - {"HEAD"}:
                path = re.sub(r"\{\w+\}", filled.get(route.path, ""), route.path)
                more = {"data": FORM} if method == "POST" else {}
                found[f"{method} {route.path}"] = desk.call(method, path, **more)
    found["POST /report, refused"] = desk.call("POST", "/report", data=FORM | {"good_faith": ""})
    return found


def rules(policy: str) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in policy.split(";"))
    return {name: value for name, _, value in parts}


def test_every_page_has_a_strict_policy_that_names_its_style_by_hash(desk):
    found = pages(desk)
    assert len(found) >= 8
    for name, answer in found.items():
        assert answer.headers["content-type"].startswith("text/html"), name
        policy = rules(answer.headers["content-security-policy"])
        (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", name
        assert policy["style-src"] == f"'sha256-{hashed}'", name
        assert policy["form-action"] == ("'self'" if "<form" in answer.text else "'none'") or "/report" in name, name
        assert "unsafe" not in answer.headers["content-security-policy"], name
        assert not re.search(r"<script|\sstyle=|\son\w+=|javascript:|<iframe|<object|src=", answer.text), name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["referrer-policy"] == "no-referrer", name


def test_no_answer_sets_a_cookie(desk):
    for name, answer in pages(desk).items():
        assert "set-cookie" not in answer.headers, name
    assert not desk.client.cookies


def test_what_is_no_page_may_not_be_shown_as_one(desk):
    for path in ("/v1/policy", "/openapi.json", "/livez", "/metrics", "/v1/nothing", "/v1/transparency?format=csv"):
        answer = desk.call("GET", path)
        policy = rules(answer.headers["content-security-policy"])
        assert policy == {"default-src": "'none'", "frame-ancestors": "'none'"}, path
        assert answer.headers["x-content-type-options"] == "nosniff", path


def test_what_people_wrote_stands_on_pages_as_text(desk):
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    page = desk.call("POST", "/report", data=FORM | {"item": nasty, "text": nasty, "name": nasty, "key": nasty})
    assert page.status_code == 422
    for text in (page.text, desk.call("GET", "/report?item=a%22%3E%3Cscript%3E").text):
        assert not re.search(r"<script|<img", text)
