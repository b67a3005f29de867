"""The columns of which every table of a store is made; the tables are in ``feed.storage.schema``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Text

_Number = BigInteger().with_variant(Integer, "sqlite")


def text_(name: str) -> Column[str]:
    """A text; absent is empty."""
    return Column(name, Text, nullable=False)


def number_(name: str, *, nullable: bool = False) -> Column[int]:
    """A whole number."""
    return Column(name, BigInteger, nullable=nullable)


def flag_(name: str) -> Column[int]:
    """0 or 1, or a small number."""
    return Column(name, SmallInteger, nullable=False)


def blob_(name: str) -> Column[bytes]:
    """Bytes."""
    return Column(name, LargeBinary, nullable=False)


def position_(name: str, *, given: bool) -> Column[int]:
    """A primary key that numbers rows: ``given`` by who inserts, or by the database."""
    return Column(name, _Number, nullable=False, primary_key=True, autoincrement=not given)
