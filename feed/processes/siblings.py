"""Siblings: the workers of one address, as they reach each other: each has a socket in the home folder.

Whichever of them is asked for metrics tells those of all, each under its number, so that a scrape does not depend on
who accepted it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx

METRICS_PATH = "/metrics"
ALONE = "worker=own"
"""The query by which one sibling asks another for its own."""

_FOLDER = "workers"
_ANSWER_SECONDS = 1.0
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+.*)$")


@contextlib.contextmanager
def reachable(home: Path, worker: int | None) -> Iterator[list[socket.socket]]:
    """A socket that the siblings of a worker find, while this is open; none without a number."""
    if worker is None:
        yield []
        return
    folder = home / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{worker}.sock"
    # By another name first: when workers are replaced, the new one takes the place of the old one.
    mine = folder / f"{worker}-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        mine.unlink(missing_ok=True)
        listener.bind(str(mine))
        listener.listen()
        number = mine.stat().st_ino
        mine.replace(path)
        try:
            yield [listener]
        finally:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == number:
                    path.unlink()


def has_siblings(home: Path) -> bool:
    """Whether workers serve from this home folder."""
    return any((home / _FOLDER).glob("*.sock"))


async def all_metrics(home: Path) -> bytes:
    """The metrics of every worker in the Prometheus text format, each sample labelled ``worker``; ``weir_worker_up``
    is 0 for those that do not answer."""
    paths = sorted(path for path in (home / _FOLDER).glob("*.sock") if path.stem.isdigit())
    texts = await asyncio.gather(*map(_own_metrics, paths))
    heads: dict[str, list[str]] = {"weir_worker_up": ["# TYPE weir_worker_up gauge"]}
    samples: dict[str, list[str]] = {"weir_worker_up": []}
    for path, text in zip(paths, texts, strict=True):
        samples["weir_worker_up"].append(f'weir_worker_up{{worker="{path.stem}"}} {int(text is not None)}')
        _merge(text or "", path.stem, heads, samples)
    lines = (line for family in heads for line in (*heads[family], *samples[family]))
    return "".join(f"{line}\n" for line in lines).encode()


def _merge(text: str, worker: str, heads: dict[str, list[str]], samples: dict[str, list[str]]) -> None:
    family = ""
    for line in text.splitlines():
        if line.startswith("# "):
            _, kind, name, *_ = line.split(" ", 3)
            if name != family:
                family = name
                heads.setdefault(family, [])
                samples.setdefault(family, [])
            if not any(head.startswith(f"# {kind} ") for head in heads[family]):
                heads[family].append(line)
        elif found := _SAMPLE.match(line):
            name, labels, value = found.groups()
            labels = f"{labels}," if labels else ""
            samples[family].append(f'{name}{{{labels}worker="{worker}"}} {value}')


async def _own_metrics(path: Path) -> str | None:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=_ANSWER_SECONDS) as client:
            answer = await client.get(f"{METRICS_PATH}?{ALONE}")
            return answer.text if answer.is_success else None
    except httpx.HTTPError:
        return None
