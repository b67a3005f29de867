"""`weir demo` serves with live traffic, its curl lines work, Ctrl-C ends it cleanly, and a second start goes on."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.slow]

SECONDS = 120


class Demo:
    """A running `weir demo`, its lines and its address."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        command = [sys.executable, "-m", "feed.cli", "demo", "--folder", str(folder), "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []

    def until(self, words: str) -> str:
        """The first line with these words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if words in line:
                return line
        raise AssertionError(f"no line says {words!r}:\n" + "\n".join(self.lines))

    def curl(self, number: int) -> httpx.Response:
        """What a curl line asks for."""
        line = [one for one in self.lines if one.startswith("  curl ")][number]
        words = shlex.split(line)[1:]
        method, url, body, headers = "GET", "", None, {}
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = words.pop(0)
            elif word != "-s":
                url = word
        return httpx.request(method, url, headers=headers, content=body, trust_env=False, timeout=30)

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        assert self.process.stdout is not None
        self.lines += [line.rstrip() for line in self.process.stdout]
        return self.process.wait(30)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Demo]:
    demo = Demo(folder, *arguments)
    watchdog = threading.Timer(SECONDS, demo.process.kill)
    watchdog.start()
    try:
        yield demo
    finally:
        watchdog.cancel()
        demo.process.kill()
        demo.process.wait()
        assert demo.process.stdout is not None
        demo.process.stdout.close()


def visits(url: str) -> float:
    """Events that the service has taken so far."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    taken = (line for line in text.splitlines() if line.startswith('weir_events_total{outcome="accepted"}'))
    return float(next(taken, "0 0").split()[-1])


def test_the_demo_runs_ends_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with running(folder, "--small") as demo:
        url = demo.until("Weir serves").split(" at ")[1].split(";")[0]
        demo.until("opts out")
        for _ in range(2):
            demo.until("curl")
        assert demo.curl(0).json()["mode"] == "personalized"
        pinned = demo.curl(1)
        assert pinned.status_code == 201
        assert demo.curl(0).json()["items"][0]["id"] == pinned.json()["decision"]["subject"]["id"]
        assert demo.curl(2).json()["personalization"] is False
        assert demo.curl(3).json()["mode"] == "popular"
        waiting, before = threading.Event(), visits(url)
        while visits(url) < before + 20:
            waiting.wait(0.2)
        assert httpx.get(f"{url}/v1/policy", trust_env=False).json()["policy"]["name"] == "demo-rules"
        assert demo.end(signal.SIGINT) == 0
        assert "events" in demo.lines[-1] and demo.lines[-1].startswith("stopped")
        assert "Traceback" not in "\n".join(demo.lines)
    with running(folder, "--small") as demo:
        demo.until("goes on with what is in")
        demo.until("Weir serves")
        demo.until("curl")
        assert demo.curl(0).json()["items"][0]["id"] == pinned.json()["decision"]["subject"]["id"]
        assert demo.end(signal.SIGTERM) == 0
        assert not [line for line in demo.lines if line.startswith("model ")]


def test_the_demo_does_not_mix_two_communities_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    data = tmp_path / "data.ndjson"
    lines = [f'{{"type": "item", "id": "i{n}", "topics": ["t{n % 3}"], "published_at": 5}}' for n in range(50)]
    lines += [
        f'{{"type": "event", "reader": "r{r}", "item": "i{(r * 7 + n) % 50}", "kind": "like", "occurred_at": {n + 9}}}'
        for r in range(12)
        for n in range(10)
    ]
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with running(folder, "--data", str(data)) as demo:
        demo.until("50 items")
        demo.until("curl")
        assert demo.curl(0).json()["mode"] == "personalized"
        assert demo.end(signal.SIGINT) == 0
    with running(folder, "--small") as demo:
        demo.until("holds a demo on")
        assert demo.process.wait(30) == 1
