"""Lists as one parameter, a JSON text: a parameter for each value takes longer to name than what is asked for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Select, Text, bindparam, cast, func, select

from feed.storage.sql.statements import Statements


def listed_texts(name: str, statements: Statements) -> Select[Any]:
    """The texts of the JSON list that the parameter ``name`` is."""
    if statements.many_write:
        return select(func.json_array_elements_text(cast(bindparam(name, type_=Text), JSON)))
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)
