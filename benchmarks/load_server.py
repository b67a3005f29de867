"""The loaded server: one of its own on a simulated community, or one that runs already on this machine; and what it
takes of memory and processor, with every process it has started."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.server import environment
from feed.api_client import Api
from feed.demo.backends import running_backends
from feed.demo.preparing import SMALL, prepare
from feed.demo.server_process import ServerProcess
from feed.errors import SetupInvalid
from feed.settings import Settings
from ranking.models.progress import silent

_MEASURED = {
    "WEIR_RATE_SERVICE": "0",
    "WEIR_RATE_PERSONAL": "0",
    "WEIR_RETRAIN_EVERY": "off",
    "WEIR_APPROVALS": "false",
}
"""One client stands for everybody, and one person decides; nothing is trained meanwhile. The rest is as shipped."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NEWCOMERS = 20_000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a server's processes hold: memory (bytes; ``own`` without pages of files, such as models), threads, and open
    files that are no connections; and the processor seconds they had since they began. At a monotonic second."""

    resident: int
    own: int
    cpu: float
    at: float
    threads: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A server to load: its API, the readers to come, and its process, 0 where that is not known."""

    api: Api
    settings: Settings
    readers: tuple[str, ...]
    pid: int

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.api.url).port or 80

    def taken(self) -> Taken:
        """What it holds and had by now; zeros where its process is not known."""
        return taken(self.pid) if self.pid else Taken(0, 0, 0.0, time.monotonic())


@contextlib.contextmanager
def own_server(given: Mapping[str, str] | None = None, newcomers: int = _NEWCOMERS) -> Iterator[Loaded]:
    """``weir serve`` on a folder of its own with a simulated community; ended and removed on leaving.

    ``given`` are further ``WEIR_*`` variables.
    """
    with tempfile.TemporaryDirectory(prefix="weir-load-") as name, environment({**_MEASURED, **(given or {})}):
        settings = Settings(home=Path(name) / "home", _env_file=None)  # type: ignore[call-arg]
        prepared = prepare(settings, None, SMALL, now=int(time.time()), progress=silent, say=lambda line: None)
        with ServerProcess(settings) as server:
            api = server.start()
            yield Loaded(api, settings, _readers(prepared.readers, newcomers), server.pid)
            server.stop()


@contextlib.contextmanager
def grown_server(workers: int, given: Mapping[str, str] | None = None) -> Iterator[Loaded]:
    """The same with so many workers over a PostgreSQL and a Redis of its own, which are not part of what it takes.

    Raises ``SetupInvalid`` naming what is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="weir-load-") as name, running_backends(Path(name)) as found:
        grown = {"WEIR_DATABASE": found.database, "WEIR_REDIS": found.redis, "WEIR_WORKERS": str(workers)}
        with own_server({**(given or {}), **grown}) as loaded:
            yield loaded


@contextlib.contextmanager
def running_server(url: str, home: Path, pid: int, newcomers: int = _NEWCOMERS) -> Iterator[Loaded]:
    """A server that runs on this machine, whose home folder has the secret that tokens are signed with.

    Raises ``SetupInvalid`` for any address but loopback, and when it is not ready.
    """
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in _LOOPBACK:
        raise SetupInvalid(f"{url} is not on this machine; load a server at http://127.0.0.1:<port>")
    settings = Settings(home=home)
    with Api.of(settings, url) as api:
        ready = api.ask("GET", "/readyz")
        if not ready.is_success:
            raise SetupInvalid(f"{url} is not ready ({ready.status_code}); /readyz says why")
        yield Loaded(api, settings, _readers((), newcomers), pid)


def _readers(known: tuple[str, ...], newcomers: int) -> tuple[str, ...]:
    return (*known, *(f"load-reader-{number}" for number in range(newcomers)))


def taken(pid: int) -> Taken:
    """What a process and all that descend from it hold and had; processes that end meanwhile are left out."""
    resident = own = threads = files = 0
    cpu = 0.0
    for each in family(pid):
        with contextlib.suppress(OSError):
            pages, shared = Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1:3]
            fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            resident += int(pages) * _PAGE_BYTES
            own += (int(pages) - int(shared)) * _PAGE_BYTES
            cpu += (int(fields[11]) + int(fields[12])) / _TICKS
            threads += int(fields[17])
            files += _files(each)
    return Taken(resident, own, cpu, time.monotonic(), threads, files)


def _files(pid: int) -> int:
    """How many files a process has open: its clients' connections come and go, and are left out."""
    opened = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            opened += not os.readlink(entry).startswith("socket:")
    return opened


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members
