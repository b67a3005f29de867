"""Errors of importing. What is wrong with one line is a ``Refusal``, counted and shown; these stop the import.

ImportFailed
├── ImportRefused        nothing was written: the path, a file or its header is not what the format needs
│   └── FormatUnknown    the path is of none of the formats
└── ImportStopped        some was written, the rest was not: the same command continues
"""

from __future__ import annotations


class ImportFailed(Exception):
    """Base of the tree."""


class ImportRefused(ImportFailed):
    """Nothing was written: the path, a file or its header is not what the format needs."""


class FormatUnknown(ImportRefused):
    """The path is of none of the formats."""


class ImportStopped(ImportFailed):
    """Some was written, the rest was not; the same command continues."""
