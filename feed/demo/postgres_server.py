"""A PostgreSQL server to demonstrate, measure and test on: real, on a free port of loopback, gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_LOCAL = {"max_connections": "60", "listen_addresses": "127.0.0.1"}


def binaries() -> Path | None:
    """Where the newest server is installed, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).parent if elsewhere else None


@contextmanager
def running_server(folder: Path, **settings: str) -> Iterator[str]:
    """A server in a folder with these settings; the URL of its maintenance database. It does not run as root, who may
    not own one."""
    home = binaries()
    assert home is not None
    as_whom = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    data = folder / "data"
    if as_whom:
        shutil.chown(folder, "postgres")
    made = [str(home / "initdb"), "-D", str(data), "-U", "weir", "--auth=trust", "--locale=C", "--encoding=UTF8"]
    subprocess.run([*as_whom, *made], check=True, capture_output=True, cwd=folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = [f"--{name}={value}" for name, value in (_LOCAL | settings).items()]
    server = subprocess.Popen(
        [*as_whom, str(home / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), *chosen],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = [str(home / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-t", "1", "-q"]
        for _ in range(60):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            assert server.poll() is None, "the server ended at once"
        yield f"postgresql://weir@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # ends sessions, too
        server.wait(30)


def fresh_database(url: str, name: str, template: str = "template0") -> str:
    """A new database beside the maintenance database; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return url.rsplit("/", 1)[0] + f"/{name}"
