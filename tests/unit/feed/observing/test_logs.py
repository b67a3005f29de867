"""What the service says of requests: a line each when asked for, always of what failed or was slow, never a secret."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest
import structlog
from structlog.contextvars import clear_contextvars, merge_contextvars
from structlog.testing import capture_logs

from feed.access.auth import anonymous
from feed.access.caller import Caller
from feed.http.gate import PROBES
from feed.observing import logs
from feed.observing.logs import RequestLog
from feed.settings import Settings
from tests.journeys.http_service import running

CALLER = Caller("ada", frozenset(("reader",)), "", anonymous("").audience, "account")


def log(level: str = "info", **chosen: Any) -> RequestLog:
    return RequestLog(Settings(log_level=level, **chosen), PROBES)


def test_an_ordinary_request_is_told_at_debug_and_at_info_only_when_asked():
    told = {}
    for level, asked in (("info", False), ("debug", False), ("info", True), ("warning", True)):
        with capture_logs() as lines:
            log(level, log_requests=asked).ended("GET", "/v1/feed", 200, 0.001, CALLER, 1.0)
        told[level, asked] = lines
    assert told["info", False] == told["warning", True] == []
    assert [line["log_level"] for line in told["debug", False]] == ["debug"]
    assert told["info", True] == [
        {
            "log_level": "info",
            "event": "request",
            "method": "GET",
            "route": "/v1/feed",
            "status": 200,
            "ms": 1.0,
            "caller": "reader",
        }
    ]


def test_probes_are_told_at_info_only_when_they_fail():
    with capture_logs() as lines:
        said = log(log_requests=True)
        said.ended("GET", "/livez", 200, 0.001, None, 1.0)
        said.ended("GET", "/livez", 503, 0.001, None, 1.0)
    assert [(line["log_level"], line["caller"]) for line in lines] == [("debug", "nobody"), ("warning", "nobody")]


def test_failed_and_slow_requests_are_always_warned_of():
    with capture_logs() as lines:
        said = log("warning", log_slow=0.5)
        said.ended("GET", "/v1/feed", 404, 0.4, CALLER, 1.0)
        said.ended("GET", "/v1/feed", 503, 0.001, CALLER, 1.0)
        said.ended("GET", "/v1/feed", 200, 0.5, CALLER, 1.0)
        log("warning", log_slow=0).ended("GET", "/v1/feed", 200, 99.0, CALLER, 1.0)
    assert [line["event"] for line in lines] == ["request failed", "request was slow"]


def test_when_everything_fails_a_hundred_lines_a_second_are_written_and_the_others_counted():
    said = log()
    with capture_logs() as lines:
        for _ in range(150):
            said.ended("GET", "/v1/feed", 503, 0.001, CALLER, 7.5)
        assert len(lines) == 100
        said.ended("GET", "/v1/feed", 503, 0.001, CALLER, 8.5)
    assert lines[-1]["unsaid"] == 50


def test_lines_are_json_with_the_requests_id_and_those_of_libraries_have_the_same_form():
    program = """
import logging, structlog
from feed.observing.logs import configure
structlog.contextvars.bind_contextvars(request_id="r1")
configure("info")
structlog.get_logger("weir").info("said", number=1)
structlog.get_logger("weir").debug("not said")
logging.getLogger("uvicorn.error").warning("the %s is short", "grace")
logging.getLogger("uvicorn.error").info("not said")
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours, theirs = (json.loads(line) for line in told.stderr.splitlines())
    assert (ours["event"], ours["number"], ours["level"], ours["request_id"]) == ("said", 1, "info", "r1")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("the grace is short", "warning", "uvicorn.error")
    assert theirs["request_id"] == "r1" and theirs["timestamp"].endswith("Z") and told.stdout == ""


def test_a_line_goes_to_the_error_output_of_the_moment(capsys):
    logs.configure("info")
    logger = structlog.get_logger("weir")
    logger.info("first")
    assert json.loads(capsys.readouterr().err)["event"] == "first"
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        logger.info("second")
        assert json.loads(sys.stderr.getvalue())["event"] == "second"
    finally:
        sys.stderr = kept


def test_every_line_within_a_request_carries_its_id_in_threads_too(tmp_path, monkeypatch):
    clear_contextvars()
    with running(tmp_path, log_level="debug") as http, capture_logs([merge_contextvars]) as lines:
        depth = http.service.store.queue_depth

        def looked() -> int:
            structlog.get_logger("weir").info("looked")
            return depth()

        monkeypatch.setattr(http.service.store, "queue_depth", looked)
        asked = http.client.get("/metrics", headers={"X-Request-Id": "my-request-1"})
        http.client.get("/livez", headers={"X-Request-Id": "my-request-2"})
    assert asked.headers["x-request-id"] == "my-request-1"
    mine = [line for line in lines if line.get("request_id") == "my-request-1"]
    assert [(line["event"], line.get("route")) for line in mine] == [("looked", None), ("request", "/metrics")]
    other = [line for line in lines if line.get("request_id") == "my-request-2"]
    assert [line["route"] for line in other] == ["/livez"]


def test_neither_credentials_nor_readers_are_in_what_is_said_of_requests(tmp_path):
    with running(tmp_path, log_level="debug") as http, capture_logs() as lines:
        bearer = http.bearer("reader", subject="ada-lovelace")
        assert http.client.get("/v1/readers/ada-lovelace/settings", headers=bearer).status_code == 200
        http.service.store.close()
        events = [{"client_id": "c", "item": "item-1", "kind": "click"}]
        assert http.client.post("/v1/events", json={"events": events}, headers=bearer).status_code == 503
        assert http.client.delete("/v1/readers/ada-lovelace", headers=bearer).status_code == 503
    token = bearer["Authorization"].removeprefix("Bearer ")
    said = json.dumps([line for line in lines if str(line["event"]).startswith("request")], default=str)
    assert {"request", "request failed"} <= {line["event"] for line in lines}
    assert token not in said and token.rpartition(".")[2] not in said and "ada-lovelace" not in said


@pytest.mark.parametrize(("name", "value"), [("SLOW", "-1"), ("LEVEL", "loud"), ("REQUESTS", "perhaps")])
def test_settings_of_logs_that_do_not_hold_are_refused(name, value, monkeypatch):
    monkeypatch.setenv(f"WEIR_LOG_{name}", value)
    with pytest.raises(ValueError, match=f"log_{name.lower()}"):
        Settings()
