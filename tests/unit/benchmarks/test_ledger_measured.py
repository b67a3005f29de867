"""The ledger's benchmark at a small size: every figure is there, and every proof that was timed held."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ledger import measure_appends, measure_proofs


def test_appends_and_proofs_are_measured(tmp_path: Path) -> None:
    appends = measure_appends(tmp_path, rounds=2, decisions=1000)
    assert min(appends.per_second, appends.raw_per_second, appends.ratio, appends.per_cpu_s) > 0
    assert 0 < appends.median_wait_ms <= appends.longest_wait_ms
    proofs = measure_proofs(tmp_path, entries=1000, proofs=20)
    assert (proofs.entries, 0 < proofs.p50_ms <= proofs.p99_ms) == (1000, True)
