"""The journal of a search: every finished trial on a line of its own, durable before the next begins.

Owns the file: JSON lines, the first of which says what the search is of. A last line that was cut short by a kill is
dropped; a file of another search, or one that is no journal, is refused and left as it is. One search at a time
writes it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Any

from experiments.trials import Tried
from ranking.errors import DataError

FORMAT = 1


class Journal:
    """Trials of one search in the order in which they were finished."""

    def __init__(self, file: BufferedRandom, tried: list[Tried]) -> None:
        self._file = file
        self.tried = tried

    def add(self, tried: Tried) -> None:
        """Append one; it is on disk when this returns."""
        _append(self._file, tried.as_json())
        self.tried.append(tried)


@contextmanager
def journal(path: Path, search: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal in a file, new or continued; ``search`` are plain values that must be equal to continue.

    Raises DataError for a file that is of another search, in use, or no journal, and OSError where it cannot be
    written.
    """
    with open(path, "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{path} is in use by another tuning; wait for it, or write to another file") from None
        header = {"tuning": FORMAT, **search}
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if content and not lines and not content.startswith(b'{"tuning":'):
            raise DataError(f"{path} is no journal of a tuning; name another file")
        if lines:
            _check(path, lines[0], header)
        tried = [_tried(path, number, line) for number, line in enumerate(lines[1:], start=2)]
        file.truncate(len(whole))
        file.seek(0, os.SEEK_END)
        if not lines:
            _append(file, header)
        yield Journal(file, tried)


def _append(file: BufferedRandom, plain: Mapping[str, Any]) -> None:
    file.write(json.dumps(plain).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _check(path: Path, line: bytes, header: Mapping[str, Any]) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "tuning" not in found:
        raise DataError(f"{path} is no journal of a tuning; name another file")
    for name, value in header.items():
        if found.get(name) != value:
            raise DataError(
                f"{path} is of another tuning ({name} was {found.get(name)!r}, now it is {value!r}); remove it to "
                "start anew, or name another file"
            )


def _tried(path: Path, number: int, line: bytes) -> Tried:
    try:
        return Tried.from_json(json.loads(line))
    except (KeyError, TypeError, ValueError) as cause:
        raise DataError(f"{path}:{number}: is no trial ({cause}); remove the file to start anew") from cause
