"""Grounds: the basis of a rule or of a threshold as policy documents write it (law 9)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from controls.conditions import WRITTEN, Document, Text


class BasisDocument(Document):
    """The ground of a rule: ``law`` or ``terms`` (with the clause), ``editorial`` or ``operations``."""

    kind: Literal["law", "terms", "editorial", "operations"]
    clause: Text
    url: Annotated[str, Field(max_length=500, pattern=WRITTEN)] = ""
    category: Annotated[str, Field(max_length=64, pattern=WRITTEN)] = ""
