"""Blocks of rows, computed on all cores, one by one kept: how a graph of a large catalogue is made.

Owns the plan (blocks of about equal work), the threads, progress by work done, and what happens at an interruption:
blocks in work are finished and kept, the others are left for the next run. Kernels release the GIL; each row is
computed by one thread in one order, so the result depends neither on the number of threads nor on the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from ranking.models.progress import Progress
from ranking.models.scratch import Scratch

Workspace = TypeVar("Workspace")
Ids = NDArray[np.int32]
Weights = NDArray[np.float32]

BLOCK_WORK = 100_000_000
"""Work of a block: entries met, or multiplications. A fraction of a second on one core."""

BLOCK_ROWS = 65_536


def by_blocks(
    work: NDArray[np.int64],
    width: int,
    compute: Callable[[int, Workspace, Ids, Weights], None],
    workspace: Callable[[], Workspace],
    *,
    scratch: Scratch,
    progress: Progress,
    message: str,
) -> tuple[Ids, Weights]:
    """Ids int32 [N, width] and weights float32 [N, width] that ``compute(start, workspace, ids, weights)`` fills
    block by block: it is given the views of a block that begins at row ``start``.

    ``work`` int64 [N] says how much each row costs. A block that ``scratch`` holds is not computed again. An exception
    in the calling thread (``progress`` may raise, Ctrl-C does) ends the work after the blocks in hand.
    """
    rows = work.size
    ids = np.full((rows, width), -1, np.int32)
    weights = np.zeros((rows, width), np.float32)
    done, total = 0.0, float(work.sum() + rows)
    spaces: SimpleQueue[Workspace] = SimpleQueue()
    threads = max(1, get_num_threads())
    for _ in range(threads):
        spaces.put(workspace())

    def computed(start: int, stop: int) -> None:
        space = spaces.get()
        try:
            compute(start, space, ids[start:stop], weights[start:stop])
            scratch.put(f"rows-{start}-{stop}", ids[start:stop], weights[start:stop])
        finally:
            spaces.put(space)

    with ThreadPoolExecutor(threads) as pool:
        waiting: dict[Future[None], float] = {}
        try:
            for start, stop in plan(work):
                cost = float(work[start:stop].sum() + stop - start)
                shape = (stop - start, width)
                kept = scratch.get(f"rows-{start}-{stop}", shape, shape)
                if kept is None:
                    waiting[pool.submit(computed, start, stop)] = cost
                else:
                    ids[start:stop], weights[start:stop] = kept
                    done += cost
            progress(min(1.0, done / total) if total else 1.0, message)
            for future in as_completed(waiting):
                future.result()
                done += waiting[future]
                progress(min(1.0, done / total), message)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    progress(1.0, message)
    return ids, weights


def plan(work: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Half-open ranges of rows of at most about BLOCK_WORK each, and at least one row."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(work, dtype=np.int64)])
    ranges: list[tuple[int, int]] = []
    start = 0
    while start < work.size:
        stop = int(np.searchsorted(before, before[start] + BLOCK_WORK, side="right")) - 1
        stop = min(max(stop, start + 1), start + BLOCK_ROWS, work.size)
        ranges.append((start, stop))
        start = stop
    return ranges
