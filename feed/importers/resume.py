"""Where an import stands: a small file in the home folder, replaced after every durable batch.

An interrupted import of files that have not changed continues after its last durable line; anything else starts at
the first line, where ids and client ids make repetition harmless.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from feed.importers.lines import Position


@dataclass(slots=True)
class Standing:
    """How far an import came: part, position in it, and what was counted so far."""

    part: int = 0
    offset: int = 0
    line: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        """The position within the part."""
        return Position(self.offset, self.line)


class Bookmark:
    """The remembered standing of one data set in one home folder."""

    def __init__(self, home: Path, name: str, parts: Sequence[Path]) -> None:
        """``name`` tells imports of the same files apart that differ otherwise (format, prefix)."""
        key = "\n".join([name, *(str(path.resolve()) for path in parts)])
        self._file = home / "imports" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        self._files = [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in parts]

    def load(self) -> Standing | None:
        """Where an interrupted import of these very files stands; None when there is nothing to continue."""
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            return Standing(**stored["standing"]) if stored["files"] == self._files else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, standing: Standing) -> None:
        """Remember a standing, atomically."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps({"files": self._files, "standing": asdict(standing)}), encoding="utf-8")
        os.replace(beside, self._file)

    def clear(self) -> None:
        """Forget it: the import is complete."""
        self._file.unlink(missing_ok=True)
