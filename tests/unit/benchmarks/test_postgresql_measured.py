"""The row on PostgreSQL: every batch size against COPY, in rounds that each contender begins in turn."""

from __future__ import annotations

import pytest

from benchmarks import postgresql
from benchmarks.ingestion import BATCHES
from benchmarks.markdown import QUICK
from feed.demo.postgres_server import binaries


def test_every_batch_size_is_measured_against_copy():
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make equip` installs it")
    made = postgresql.run(rounds=1, events=20)
    assert [(row.batch, row.in_flight) for row in made] == [(size, many) for size in BATCHES for many in (1, 8)]
    assert all(row.per_second > 0 and row.ratio == pytest.approx(row.per_second / row.copy_per_second) for row in made)


def test_without_a_server_the_report_says_so(monkeypatch):
    monkeypatch.setattr("benchmarks.postgresql.binaries", lambda: None)
    section = postgresql.postgresql_section(QUICK)
    assert "Not measured" in section.text and section.figures == {}
