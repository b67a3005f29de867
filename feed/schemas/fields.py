"""Field types that wire types share: ids, seconds, topics. Imports keep the same limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LONGEST_ID = 128
LONGEST_TOPIC = 40
TOPICS = 8
ID = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/]"
"""A character of an id."""
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=f"^{ID}+$"),
    Field(description=f"An id: 1 to {LONGEST_ID} characters, no control characters, no slash", examples=["item-1"]),
]
OptionalId = Annotated[
    str,
    StringConstraints(max_length=LONGEST_ID, pattern=f"^{ID}*$"),
    Field(description=f"An id of at most {LONGEST_ID} characters, or empty"),
]
Second = Annotated[
    int,
    Field(strict=True, ge=0, le=1 << 40, description="Seconds since 1970-01-01T00:00:00Z", examples=[1_800_000_000]),
]
Topic = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TOPIC, pattern=PRINTABLE)]
Topics = Annotated[tuple[Topic, ...], Field(max_length=TOPICS, description=f"At most {TOPICS} topics")]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(max_length=40, pattern=PRINTABLE)]
Region = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Z]{2}|)$"),
    Field(description="ISO 3166-1 code such as DE; empty when unknown"),
]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z]{2,3}|)$"),
    Field(description="ISO 639 code such as de; empty when unknown"),
]


class Wire(BaseModel):
    """Base of everything that comes in: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
