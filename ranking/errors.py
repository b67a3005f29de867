"""The errors of ranking: one small tree, each naming what was wrong, where, and what to do.

RankingError
├── GraphError            an item graph that must not be served
│   ├── GraphTruncated    the file ends too early or too late
│   ├── GraphCorrupt      a checksum, a header field or a neighbour id is wrong
│   └── GraphVersion      not an item graph, or a format this release does not read
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


class DataError(RankingError):
    """Interactions or rows that cannot be trained on or evaluated."""


class TrainingError(RankingError):
    """A trainer cannot work with these parameters on this data."""
