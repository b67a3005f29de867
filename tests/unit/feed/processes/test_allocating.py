"""What a server frees serves its other threads, and large blocks come from the same place from the start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="arenas are those of glibc")

COUNTED = """
import ctypes, re, sys, tempfile, threading
from feed.processes.allocating import allocate_steadily
bounded = allocate_steadily()
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

PLACED = """
import ctypes
from feed.processes.allocating import allocate_steadily
class Told(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd".split()]
    _fields_ += [("more", ctypes.c_size_t * 5)]
allocate_steadily()
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Told
places = []
for _ in range(3):
    held = bytearray(16 << 20)
    places.append(libc.mallinfo2().hblkhd >= 16 << 20)
    del held
print(*places)
"""


def answered(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    others = {name: value for name, value in os.environ.items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    return subprocess.run(
        [sys.executable, "-c", code], env={**others, **environment}, capture_output=True, text=True, check=True
    ).stdout


def counted(**environment: str) -> tuple[str, int]:
    """Whether arenas were bounded, and how many sixteen threads then had."""
    bounded, arenas = answered(COUNTED, **environment).split()
    return bounded, int(arenas)


def test_sixteen_threads_share_two_arenas() -> None:
    assert counted() == ("True", 2)


def test_who_chose_by_the_environment_is_not_overruled() -> None:
    bounded, arenas = counted(MALLOC_ARENA_MAX="5")
    assert bounded == "False"
    assert arenas == 5


def test_a_large_block_comes_from_the_heap_the_first_time_as_it_would_the_second() -> None:
    assert answered(PLACED) == "False False False\n"
    assert answered(PLACED, MALLOC_ARENA_MAX="2") == "True False False\n"
