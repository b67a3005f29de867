"""Plain words for settings that live in code: the docstring under each field is what people are told of it."""

from __future__ import annotations

import ast
import inspect
import textwrap


def field_words(kind: type) -> dict[str, str]:
    """The docstring under each field of a class, by the field's name."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(declared, ast.ClassDef)
    words: dict[str, str] = {}
    for field, following in zip(declared.body, declared.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            words[field.target.id] = " ".join(str(following.value.value).split())
    return words
