"""Categories: an operator's words for what statements are about, in those of the DSA Transparency Database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from controls.dsa import Category, ContentType, Keyword

_Word = TypeVar("_Word", Category, Keyword)


def category_of(word: str, basis_kind: str, categories: Mapping[str, str]) -> tuple[Category, Keyword | None]:
    """The category, and keyword if any, of a basis's own word: by the table, or by the word itself where it is one of
    the database's. Without either: a breach of the terms, or content that is not specified further."""
    named = categories.get(word) or categories.get(word.lower()) or word
    first, _, second = named.replace("-", "_").upper().partition("/")
    category = _member(Category, first, "STATEMENT_CATEGORY_")
    keyword = _member(Keyword, second or first, "KEYWORD_")
    if category is not None:
        return category, keyword
    return (Category.NOT_SPECIFIED_NOTICE if basis_kind == "law" else Category.OTHER_VIOLATION_TC), keyword


def check_categories(categories: Mapping[str, str]) -> None:
    """Raise ``ValueError`` for an entry of an operator's table that names no category, or no keyword."""
    for word, named in categories.items():
        first, slash, second = named.partition("/")
        if _member(Category, first, "STATEMENT_CATEGORY_") is None:
            raise ValueError(f"{word!r} names {first!r}, which is no STATEMENT_CATEGORY_; see docs/statements.md")
        if slash and _member(Keyword, second, "KEYWORD_") is None:
            raise ValueError(f"{word!r} names {second!r}, which is no KEYWORD_; see docs/statements.md")


def check_content_types(types: Sequence[str], other: str) -> None:
    """Raise ``ValueError`` unless the words are types of content, and OTHER among them is said what it is."""
    unknown = sorted(set(types) - set(ContentType.__members__))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no type of content; there are {', '.join(ContentType.__members__)}")
    if ("OTHER" in types) != bool(other):
        raise ValueError("the type OTHER and what it is go together; set both or neither")


def _member(kind: type[_Word], word: str, prefix: str) -> _Word | None:
    return kind.__members__.get(word.strip().upper().removeprefix(prefix))
