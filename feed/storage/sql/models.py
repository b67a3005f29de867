"""The register of trained models in SQL; the files lie in the models folder."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from operator import attrgetter

from sqlalchemy import bindparam, select

from feed.storage.records import ModelRecord
from feed.storage.schema import models
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes

_row = attrgetter(*names(ModelRecord))


class SqlModels:
    """Trained models."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements) -> None:
        self._reading = reading
        self._writes = writes
        self._put = statements.put(models, *names(ModelRecord), key=["version"])
        self._get = select(models).where(models.c.version == bindparam("of"))
        self._listing = select(models).order_by(models.c.created_at.desc(), models.c.version)

    def put(self, model: ModelRecord) -> Future[None]:
        """Register a model; the same version again replaces what is known of it."""
        return self._writes.submit(self._write, model, lane=Lane.DECISIONS, size=len(model.metrics) + 256)

    def _write(self, cursor: Cursor, records: Sequence[ModelRecord]) -> list[None]:
        self._put.run(cursor, list({record.version: _row(record) for record in records}.values()))
        return [None] * len(records)

    def get(self, version: str) -> ModelRecord | None:
        """One model, or None."""
        row = self._reading.first(self._get, of=version)
        return ModelRecord(*row) if row else None

    def listing(self) -> list[ModelRecord]:
        """All models, newest first."""
        return [ModelRecord(*row) for row in self._reading.all(self._listing)]
