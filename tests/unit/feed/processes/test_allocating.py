"""A server's threads share few arenas of the C library."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="arenas are those of glibc")

COUNTED = """
import ctypes, re, sys, tempfile, threading
from feed.processes.allocating import few_arenas
bounded = few_arenas()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
at_once = threading.Barrier(16)
def hold():
    held = bytearray(10_000)
    at_once.wait()
threads = [threading.Thread(target=hold) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(bounded, len(re.findall(b"<heap nr=", told.read())))
"""


def counted(**environment: str) -> tuple[str, int]:
    """Whether arenas were bounded, and how many sixteen threads then had."""
    others = {name: value for name, value in os.environ.items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    answer = subprocess.run(
        [sys.executable, "-c", COUNTED], env={**others, **environment}, capture_output=True, text=True, check=True
    )
    bounded, arenas = answer.stdout.split()
    return bounded, int(arenas)


def test_sixteen_threads_share_two_arenas() -> None:
    assert counted() == ("True", 2)


def test_who_chose_by_the_environment_is_not_overruled() -> None:
    bounded, arenas = counted(MALLOC_ARENA_MAX="5")
    assert bounded == "False"
    assert arenas == 5
