"""Policies as commands are given them: a file, a version of a store, or the active one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from feed.cli.failures import BadInput

if TYPE_CHECKING:
    from controls.policy import Policy
    from feed.storage.ports.store import Store
    from ranking.snapshot import Snapshot

ACTIVE = "active"


def stored_policy(name: str, store: Store, snapshot: Snapshot) -> Policy:
    """A policy by file, by version, or the active one."""
    from controls.policy import load

    version = snapshot.governance.policy if name == ACTIVE else name
    if name == ACTIVE and not version:
        raise BadInput("no policy is active in this store; publish one, or name a file")
    document = store.policies.get(version)
    return load(document) if document is not None else read_policy(name)


def read_policy(name: str) -> Policy:
    """A policy by its file; raises ``PolicyError`` with the file in every path."""
    from controls.errors import PolicyError
    from controls.policy import parse

    try:
        return parse(text_of(Path(name)))
    except PolicyError as error:
        raise PolicyError([replace(problem, path=f"{name}: {problem.path}") for problem in error.problems]) from error


def text_of(path: Path) -> str:
    """The text of a file; raises ``BadInput``."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; name a policy in YAML or JSON") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise BadInput(f"{path}: no text in UTF-8; name a policy in YAML or JSON") from None
