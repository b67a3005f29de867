"""The errors of ranking: one small tree, each naming what was wrong, where, and what to do.

RankingError
├── GraphError            an item graph that must not be served
│   ├── GraphTruncated    the file ends too early or too late
│   ├── GraphCorrupt      a checksum, a header field or a neighbour id is wrong
│   └── GraphVersion      not an item graph, or a format this release does not read
├── EditionGap            a journal edition that cannot follow the last one folded
├── SnapshotMismatch      parts of a Snapshot that do not belong together
├── InvalidRequest        a page asked for in a way that cannot be answered (also a ValueError)
├── InvalidParameters     a ranking parameter out of its range (also a ValueError)
├── DataError             interactions or rows that cannot be trained on or evaluated
└── TrainingError         a trainer cannot work with these parameters on this data
"""

from __future__ import annotations


class RankingError(Exception):
    """Root of the tree."""


class GraphError(RankingError):
    """An item graph that must not be served."""


class GraphTruncated(GraphError):
    """The file's length is not the one its header promises."""


class GraphCorrupt(GraphError):
    """A checksum, a header field or a neighbour id is wrong."""


class GraphVersion(GraphError):
    """Not an item graph, or written in a format this release does not read."""


class EditionGap(RankingError):
    """A journal edition that cannot follow the last one folded."""


class SnapshotMismatch(RankingError):
    """Parts of a Snapshot that do not belong together, for instance a graph with more rows than the catalogue."""


class InvalidRequest(RankingError, ValueError):
    """A page asked for in a way that cannot be answered, for instance with rows that the catalogue has not."""


class InvalidParameters(RankingError, ValueError):
    """A ranking parameter out of its range."""


class DataError(RankingError):
    """Interactions or rows that cannot be trained on or evaluated."""


class TrainingError(RankingError):
    """A trainer cannot work with these parameters on this data."""
