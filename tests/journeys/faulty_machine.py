"""A machine whose disk is slow or full, or whose wall clock is wrong, for the processes that are started on it.

They are given a small library, compiled here, that stands before the C library's calls (``faulty_machine.c``); what it
does is read from a file that they share with the test, so that faults come and go while they run.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.http_service import until

_SOURCE = Path(__file__).with_name("faulty_machine.c")
_SYNC, _FULL, _CLOCK, _SYNCS, _REFUSALS, _LOOKS = range(0, 48, 8)


@contextmanager
def faulty_machine() -> Iterator[FaultyMachine]:
    """One of its own. Servers that run as somebody else can be started on it, too."""
    with tempfile.TemporaryDirectory(prefix="weir-machine-") as folder:
        Path(folder).chmod(0o755)
        yield FaultyMachine(Path(folder))


class FaultyMachine:
    """The faults of some processes; none until one is brought about."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or os.uname().sysname != "Linux":
            pytest.skip("faults of a machine need Linux and a C compiler; `make test` installs one")
        library, file = folder / "faulty_machine.so", folder / "faults"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE], check=True)
        file.write_bytes(bytes(_LOOKS + 8))
        # A database server is another user.
        file.chmod(0o666)
        with file.open("r+b") as opened:
            self._faults = mmap.mmap(opened.fileno(), 0)
        self.environment = {"LD_PRELOAD": str(library), "FAULTY_MACHINE": str(file)}
        """What a process is given in its environment to run on this machine."""

    @contextmanager
    def slow_disk(self, seconds: float) -> Iterator[None]:
        """Whatever is synced takes so long; something was, when this ends."""
        with self._fault(_SYNC, int(seconds * 1e9), seen=_SYNCS):
            yield

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Nothing finds room that a database writes; something was refused, when this ends."""
        with self._fault(_FULL, 1, seen=_REFUSALS):
            yield

    @contextmanager
    def clock_ahead(self, seconds: int) -> Iterator[None]:
        """The wall clock shows so many seconds more, or fewer; somebody looked at it, when this ends."""
        with self._fault(_CLOCK, seconds, seen=_LOOKS):
            yield

    @contextmanager
    def _fault(self, at: int, value: int, *, seen: int) -> Iterator[None]:
        before = self._read(seen)
        self._write(at, value)
        try:
            yield
            until(lambda: self._read(seen) > before)
        finally:
            self._write(at, 0)

    def _read(self, at: int) -> int:
        (value,) = struct.unpack_from("=q", self._faults, at)
        return int(value)

    def _write(self, at: int, value: int) -> None:
        struct.pack_into("=q", self._faults, at, value)
