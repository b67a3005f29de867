"""Field types that wire types share: ids, seconds, topics. Imports and tokens keep the same limits.

Owns the one rule for ids: what is written in a log, a page or a path is what it seems to be, and names the same thing
for every proxy in front of the service (docs/security.md).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LONGEST_ID = 128
LONGEST_TOPIC = 40
TOPICS = 8

_NEVER = (
    r"\x00-\x1f\x7f-\xa0\u061c\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffd"
    r"/\\%"
)
"""What no id holds: controls, spaces other than the plain one, invisible characters, those that turn the text around
them, those that stand for what could not be read, and what a path (RFC 3986) could be read anew at."""
_ANY, _SEEN, _FIRST = f"[^{_NEVER}]", f"[^{_NEVER} ]", f"[^{_NEVER} .]"

ID = rf"(?:{_FIRST}(?:{_ANY}*{_SEEN})?|\.(?:{_FIRST}|{_ANY}+{_SEEN}))"
"""An id of any length, as a pattern that every engine reads alike: never ``.`` or ``..``, which are steps of a path."""

ID_RULE = (
    f"1 to {LONGEST_ID} characters without slashes, percent signs, controls or invisible ones, no space at either end, "
    "and not . or .."
)
"""What an id is, in words."""

_SPELLED = re.compile(ID)
_HALF = re.compile(r"[\ud800-\udfff]")
"""Half a character of UTF-16: no text that could be sent or stored."""


def is_id(text: str) -> bool:
    """Whether a text is an id: see ``ID_RULE``."""
    return len(text) <= LONGEST_ID and _SPELLED.fullmatch(text) is not None and not _HALF.search(text)


PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=f"^{ID}$"),
    Field(description=f"An id: {ID_RULE}", examples=["item-1"]),
]
OptionalId = Annotated[
    str,
    StringConstraints(max_length=LONGEST_ID, pattern=f"^(?:{ID})?$"),
    Field(description=f"Empty, or an id: {ID_RULE}"),
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


def fault_words(kind: str, message: str) -> str:
    """What pydantic says of a fault of a kind; of an id the rule, in place of its pattern."""
    return f"is no id: {ID_RULE}" if kind == "string_pattern_mismatch" and ID in message else message


class Wire(BaseModel):
    """Base of everything that comes in: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
