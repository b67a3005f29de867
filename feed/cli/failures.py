"""Failures: which errors a command ends with, in which words and with which exit code.

CommandFailed         1  the command did not do what it was asked
└── BadInput          2  an option, a path or a file does not hold
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from feed.settings import PREFIX

FAILED = 1
BAD_INPUT = 2


class CommandFailed(Exception):
    """The command did not do what it was asked; the text is one line for the person at the terminal."""

    code = FAILED


class BadInput(CommandFailed):
    """An option, a path or a file does not hold."""

    code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class Told:
    """One line and an exit code."""

    line: str
    code: int


def told(run: Callable[[], int]) -> int:
    """Run a command; the exit code. What goes wrong is told in one line on the error output, what nobody expected is
    raised."""
    try:
        return run()
    except Exception as error:
        reason = explained(error)
        if reason is None:
            raise
        print(f"weir: {reason.line}", file=sys.stderr)
        return reason.code


def explained(error: Exception) -> Told | None:
    """What to tell of an error; None for one that nobody expected, which is a fault of Weir."""
    if isinstance(error, CommandFailed):
        return Told(_line(str(error)), error.code)
    if isinstance(error, ValidationError):
        return Told(_settings(error), BAD_INPUT)
    code = _code(error)
    if code is not None:
        return Told(_line(str(error)), code)
    if isinstance(error, OSError):
        return Told(f"{error.filename or 'the machine'}: {error.strerror or error}", FAILED)
    format_message = getattr(error, "format_message", None)
    if format_message is not None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "weir"
        return Told(f"{_line(format_message())} See `{command} --help`.", BAD_INPUT)
    return None


def _code(error: Exception) -> int | None:
    """The exit code of an error of one of the packages, None for any other."""
    from controls.errors import ControlsError, PolicyError
    from feed.control.errors import ControlError
    from feed.errors import FeedError, SetupInvalid
    from feed.importers.errors import ImportFailed, ImportRefused
    from feed.storage.errors import StorageError, StoreMissing
    from ranking.errors import DataError, RankingError, TrainingError

    if isinstance(error, (ImportRefused, DataError, TrainingError, SetupInvalid, StoreMissing, PolicyError)):
        return BAD_INPUT
    if isinstance(error, (ImportFailed, StorageError, FeedError, RankingError, ControlsError, ControlError)):
        return FAILED
    return None


def _settings(error: ValidationError) -> str:
    """The first wrong setting, by the name under which an operator sets it."""
    first = error.errors(include_url=False)[0]
    name = "".join(f"{PREFIX}{str(part).upper()}" for part in first["loc"][:1])
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}; correct the setting" if name else message


def _line(text: str) -> str:
    return " ".join(text.split())
