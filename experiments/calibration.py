"""Calibration: whether a list has the topics of its reader's history in their proportions.

Owns the measure of Steck, *Calibrated Recommendations* (RecSys 2018): C_KL = Σ_t p(t) ln(p(t) / q̃(t)) with
q̃ = (1 − α) q + α p and α = 0.01, where p is the topic distribution of the history and q that of the list; an item's
one voice is spread evenly over its topics, and every item has the same weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from experiments.diversity import Sets
from ranking.interactions import Interactions

ALPHA = 0.01
"""The paper's smoothing: it keeps the divergence finite, ln(1 / α) at most, where a list lacks a topic."""

_CELLS = 4_000_000


def calibration(
    lists: NDArray[np.int32], readers: NDArray[np.int64], train: Interactions, topics: Sets
) -> float | None:
    """Mean divergence of lists int32[e, k] over ``readers`` int64[e] whose history has topics; None without any."""
    found = divergences(lists, readers, train, topics)
    told = found[~np.isnan(found)]
    return float(told.mean()) if told.size else None


def divergences(
    lists: NDArray[np.int32], readers: NDArray[np.int64], train: Interactions, topics: Sets
) -> NDArray[np.float64]:
    """float64[e]: each reader's divergence in nats, from 0 to ln(1 / α); NaN where the history has no topics.

    A list without topics diverges as far as can be.
    """
    found = np.full(lists.shape[0], np.nan)
    if topics.size == 0:
        return found
    spread = _spread(topics)
    step = max(1, _CELLS // topics.size)
    for start in range(0, lists.shape[0], step):
        block = slice(start, start + step)
        history = _distribution(_entries(readers[block], train) @ spread)
        listed = _distribution(_listed(lists[block], train.rows) @ spread)
        found[block] = divergence(history, listed)
    return found


def divergence(history: NDArray[np.float64], listed: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[b]: C_KL of topic distributions float64[b, G]; NaN where the history's is all zero."""
    smoothed = (1 - ALPHA) * listed + ALPHA * history
    terms = np.log(history, out=np.zeros_like(history), where=history > 0)
    terms -= np.log(smoothed, out=np.zeros_like(history), where=history > 0)
    total: NDArray[np.float64] = np.maximum((history * terms).sum(axis=1), 0.0)
    total[~history.any(axis=1)] = np.nan
    return total


def _spread(topics: Sets) -> sparse.csr_matrix:
    """[N, G]: each row's voice, spread evenly over its topics."""
    counts = np.diff(topics.indptr)
    data = np.repeat(1 / np.maximum(counts, 1), counts)
    return sparse.csr_matrix((data, topics.members, topics.indptr), shape=(counts.size, topics.size))


def _entries(readers: NDArray[np.int64], train: Interactions) -> sparse.csr_matrix:
    """[b, N]: ones at what each reader acted on."""
    counts = np.diff(train.indptr)[readers]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    places = np.arange(indptr[-1]) + np.repeat(train.indptr[:-1][readers] - indptr[:-1], counts)
    return sparse.csr_matrix((np.ones(places.size), train.indices[places], indptr), shape=(readers.size, train.rows))


def _listed(lists: NDArray[np.int32], rows: int) -> sparse.csr_matrix:
    """[b, N]: ones at what each list has."""
    present = lists >= 0
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(present.sum(axis=1))])
    return sparse.csr_matrix((np.ones(indptr[-1]), lists[present], indptr), shape=(lists.shape[0], rows))


def _distribution(mass: sparse.csr_matrix) -> NDArray[np.float64]:
    dense = np.asarray(mass.todense(), np.float64)
    total = dense.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(dense, total, out=np.zeros_like(dense), where=total > 0)
    return shares
