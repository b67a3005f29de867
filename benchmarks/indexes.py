"""The peers' indexes: each built once over all items, then asked for the best k among the allowed ones.

Every adapter hands its library the allowed set in the fastest form that the library takes. Answers are as the library
gave them: ids, best first, -1 where there was none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import FACTORS, Floats, Vectors

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

CONNECTIVITY, CONSTRUCTION = 16, 40
"""Links a node and candidates while building, of all three neighbour graphs."""

EXPANSIONS = (50, 200, 800)
PROBES = (4, 16, 64)
CELLS = {100_000: 512, 1_000_000: 2048}
_TRAINED_ON = 40
_MOST_FETCHED = 10_000
_SPARE = 1.5

UNFIT = "a Python function is called for every item looked at"
OVERFETCH = "its Python interface has no filter: more are fetched, and what is blocked is left out"
PADS = "gives out blocked items when fewer than k remain"


@dataclass(frozen=True, slots=True)
class Setting:
    """One peer at one setting: ``answer`` gives int64[k] for the reader of a number."""

    name: str
    setting: str
    answer: Callable[[int], Rows]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """A peer over all items. ``settings`` makes its settings for an allowed set (None: everything is allowed)."""

    name: str
    seconds: float
    """Building took this long."""

    megabytes: float
    """What it holds, the vectors included."""

    settings: Callable[[Mask | None, int], list[Setting]]


def _numpy(made: Vectors) -> Index:
    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        rows = np.arange(len(made.items)) if allowed is None else np.flatnonzero(allowed)

        def answer(reader: int) -> Rows:
            scores = made.items @ made.readers[reader]
            among = scores if allowed is None else scores[rows]
            kept = min(k, rows.size)
            best = np.argpartition(among, -kept)[-kept:]
            return np.pad(rows[best[np.argsort(-among[best])]], (0, k - kept), constant_values=-1)

        return [Setting("numpy", "matrix-vector, mask, argpartition", answer)]

    return Index("numpy", 0.0, made.items.nbytes / 1e6, settings)


def _implicit(made: Vectors) -> Index:
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    model = AlternatingLeastSquares(factors=FACTORS, num_threads=1)
    model.item_factors, model.user_factors = made.items, made.readers
    nothing: Any = sparse.lil_matrix((len(made.readers), len(made.items)), dtype=np.float32).tocsr()

    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        banned = None if allowed is None else np.flatnonzero(~allowed)

        def answer(reader: int) -> Rows:
            liked = nothing[reader]
            found, _ = model.recommend(reader, liked, N=k, filter_already_liked_items=False, filter_items=banned)
            return np.asarray(found, dtype=np.int64)

        return [Setting("implicit", "recommend, filter_items", answer, PADS)]

    return Index("implicit", 0.0, made.items.nbytes / 1e6, settings)


def _flat(made: Vectors) -> Index:
    faiss = _faiss()

    def build() -> Any:
        index = faiss.IndexFlatIP(FACTORS)
        index.add(made.items)
        return index

    index, seconds = _timed(build)

    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        chosen = None if allowed is None else faiss.SearchParameters(sel=_selector(allowed))
        return [Setting("faiss Flat", "exact", _asked(index, made.readers, chosen, k))]

    return Index("faiss Flat", seconds, _faiss_megabytes(index), settings)


def _inverted(made: Vectors) -> Index:
    faiss = _faiss()

    cells = CELLS.get(len(made.items), max(len(made.items) // 200, 1))

    def build() -> Any:
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(FACTORS), FACTORS, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 6
        step = max(len(made.items) // (_TRAINED_ON * cells), 1)
        index.train(made.items[::step])
        index.add(made.items)
        return index

    index, seconds = _timed(build)

    def parameters(probes: int, selector: Any) -> Any:
        return faiss.SearchParametersIVF(sel=selector, nprobe=probes)

    return _searched("faiss IVF", f"{cells} cells, nprobe", PROBES, parameters, index, seconds, made)


def _faiss_graph(made: Vectors) -> Index:
    faiss = _faiss()

    def build() -> Any:
        index = faiss.IndexHNSWFlat(FACTORS, CONNECTIVITY, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = CONSTRUCTION
        index.add(made.items)
        return index

    index, seconds = _timed(build)

    def parameters(wide: int, selector: Any) -> Any:
        return faiss.SearchParametersHNSW(sel=selector, efSearch=wide)

    return _searched("faiss HNSW", "efSearch", EXPANSIONS, parameters, index, seconds, made)


def _searched(
    name: str,
    label: str,
    efforts: Sequence[int],
    parameters: Callable[[int, Any], Any],
    index: Any,
    seconds: float,
    made: Vectors,
) -> Index:
    """An approximate faiss index, with a setting for each effort that it can be searched with."""

    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        selector = None if allowed is None else _selector(allowed)
        return [
            Setting(name, f"{label} {effort}", _asked(index, made.readers, parameters(effort, selector), k))
            for effort in efforts
        ]

    return Index(name, seconds, _faiss_megabytes(index), settings)


def _hnswlib(made: Vectors) -> Index:
    import hnswlib

    def build() -> Any:
        index = hnswlib.Index("ip", FACTORS)
        index.init_index(len(made.items), M=CONNECTIVITY, ef_construction=CONSTRUCTION)
        index.add_items(made.items, num_threads=os.cpu_count() or 1)
        return index

    index, seconds = _timed(build)

    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        may = None if allowed is None else bytes(allowed).__getitem__

        def at(wide: int) -> Setting:
            def answer(reader: int) -> Rows:
                index.set_ef(wide)
                try:
                    found, _ = index.knn_query(made.readers[reader : reader + 1], k, num_threads=1, filter=may)
                except RuntimeError:  # it found fewer than k, and then tells none
                    return np.full(k, -1, dtype=np.int64)
                return np.asarray(found[0], dtype=np.int64)

            return Setting("hnswlib", f"ef {wide}", answer, UNFIT)

        return [at(wide) for wide in EXPANSIONS]

    return Index("hnswlib", seconds, index.index_file_size() / 1e6, settings)


def _usearch(made: Vectors) -> Index:
    from usearch.index import Index as Usearch

    def build() -> Any:
        index = Usearch(ndim=FACTORS, metric="ip", dtype="f32", connectivity=CONNECTIVITY, expansion_add=CONSTRUCTION)
        index.add(np.arange(len(made.items)), made.items, threads=os.cpu_count() or 1)
        return index

    index, seconds = _timed(build)

    def settings(allowed: Mask | None, k: int) -> list[Setting]:
        share = 1.0 if allowed is None else max(float(allowed.mean()), 1e-6)
        fetched = k if allowed is None else min(int(_SPARE * k / share), _MOST_FETCHED, len(made.items))

        def at(wide: int) -> Setting:
            def answer(reader: int) -> Rows:
                index.expansion_search = wide
                found = index.search(made.readers[reader], fetched, threads=1).keys.astype(np.int64)
                kept = found if allowed is None else found[allowed[found]]
                return np.pad(kept[:k], (0, k - min(len(kept), k)), constant_values=-1)

            return Setting("usearch", f"expansion {wide}, {fetched:,} fetched", answer, OVERFETCH)

        return [at(wide) for wide in EXPANSIONS]

    return Index("usearch", seconds, index.memory_usage / 1e6, settings)


def _asked(index: Any, readers: Floats, parameters: Any, k: int) -> Callable[[int], Rows]:
    def answer(reader: int) -> Rows:
        found: Rows = index.search(readers[reader : reader + 1], k, params=parameters)[1][0]
        return found

    return answer


def _selector(allowed: Mask) -> Any:
    faiss = _faiss()

    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def _faiss() -> Any:
    import faiss  # its annotations lag behind its interface

    return faiss


def _timed(build: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    made = build()
    return made, time.perf_counter() - began


def _faiss_megabytes(index: Any) -> float:
    faiss = _faiss()

    return float(faiss.serialize_index(index).nbytes) / 1e6


INDEXES: Mapping[str, Callable[[Vectors], Index]] = {
    "numpy": _numpy,
    "implicit": _implicit,
    "faiss Flat": _flat,
    "faiss IVF": _inverted,
    "faiss HNSW": _faiss_graph,
    "hnswlib": _hnswlib,
    "usearch": _usearch,
}
"""Every peer's builder, which takes a thread a core; the cheap ones first."""
