"""Spark: neighbours computed by joins on a cluster, ending in the same ItemGraph; the only module with pyspark.

Owns the session and the query. Values and sums are whole numbers (quantised to a 2⁻²⁰ of the largest value), so no
order in which a cluster adds them up changes a neighbour: equal input, equal graph, on one machine or a hundred.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.neighbours import NeighboursParameters
from ranking.models.progress import Progress, stage
from ranking.models.trainer import Trainer, require_entries

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Neighbours = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""Columns of one length: row, slot, neighbour (integers) and weight."""

VALUE_BITS = 20
"""Bits of a quantised value; products have twice as many, and sums of 2²⁰ of them still fit into 63."""

_LOOK = 0.5
"""Seconds between two looks at how many tasks are done."""


class Exchange(Protocol):
    """Where this process and the cluster meet: a place that both see, holding Parquet."""

    def give(self, interactions: Interactions, progress: Progress) -> str:
        """Write interactions with columns reader, row and weight; their path."""

    def room(self) -> str:
        """A path at which there is nothing yet, for the neighbours that come back."""

    def take(self) -> Iterator[Neighbours]:
        """The neighbours that were written there, in batches."""


@contextmanager
def session(master: str, *, memory: str = "2g", folder: str | None = None) -> Iterator[SparkSession]:
    """A Spark session on ``master``, ended with its process on leaving.

    On ``local[n]`` it takes at most ``memory``, listens on the loopback address alone and keeps its files in
    ``folder``; on a cluster, addresses and memory of the workers are those of the cluster's own configuration.
    Raises TrainingError where pyspark or Java is missing, or the master does not answer.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as cause:
        raise TrainingError("the spark engine needs the extra: pip install 'weir[spark]'") from cause
    builder: Any = SparkSession.builder
    given = {"spark.ui.enabled": "false", "spark.driver.memory": memory, "spark.log.level": "ERROR"}
    given |= {
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "snappy",
    }
    if master.startswith("local"):
        given |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        given |= {"spark.sql.shuffle.partitions": "8", "spark.sql.catalogImplementation": "in-memory"}
        if folder is not None:
            given |= {"spark.local.dir": folder, "spark.sql.warehouse.dir": folder}
    builder = builder.master(master).appName("weir train")
    for name, value in given.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as cause:
        raise TrainingError(
            f"no Spark session on {master} ({_first_line(cause)}); it needs Java 17, and a master that answers"
        ) from cause
    try:
        yield spark
    finally:
        _end(spark)


@dataclass(frozen=True, slots=True)
class Spark:
    """The engine that trains `neighbours` in a session."""

    session: SparkSession
    exchange: Exchange

    def __call__(
        self,
        trainer: Trainer,
        interactions: Interactions,
        parameters: Any,
        *,
        seed: int,
        progress: Progress,
        start: ItemGraph | None = None,
    ) -> ItemGraph:
        """The graph that `ranking.models.neighbours` makes of the same, up to the quantisation of values."""
        if not isinstance(parameters, NeighboursParameters):
            raise TrainingError(
                f"the spark engine trains neighbours, not {trainer.name}; train that with --engine local"
            )
        require_entries(interactions, "neighbours")
        if parameters.newest:
            interactions = interactions.newest(parameters.newest)
        path = self.exchange.give(interactions, stage(progress, 0.0, 0.1))
        room = self.exchange.room()
        frame = neighbours(self.session.read.parquet(path), Size.of(interactions, parameters), parameters)
        self._written(frame, room, stage(progress, 0.1, 0.9))
        kept = max(1, min(parameters.width, interactions.rows - 1))
        ids = np.full((interactions.rows, kept), -1, np.int32)
        weights = np.zeros((interactions.rows, kept), np.float32)
        for row, slot, neighbour, weight in self.exchange.take():
            ids[row, slot], weights[row, slot] = neighbour, weight
        graph = ItemGraph.from_arrays(
            ids, weights, trainer="neighbours", parameters={**dataclasses.asdict(parameters), "engine": "spark"}
        )
        progress(1.0, "choosing neighbours")
        return graph

    def _written(self, frame: DataFrame, room: str, progress: Progress) -> None:
        """Write a frame, telling how many tasks are done; an exception here cancels the work there."""
        context = self.session.sparkContext
        with ThreadPoolExecutor(1) as pool:
            work: Future[None] = pool.submit(frame.write.parquet, room)
            try:
                share = 0.0
                while True:
                    try:
                        work.result(timeout=_LOOK)
                        return
                    except TimeoutError:
                        share = max(share, _tasks_done(context))
                        progress(share, "joining in Spark")
            except BaseException as cause:
                context.cancelAllJobs()
                if isinstance(cause, Exception) and work.done():
                    raise TrainingError(f"Spark could not train: {_first_line(cause)}") from cause
                raise


@dataclass(frozen=True, slots=True)
class Size:
    """What the query has to know beforehand."""

    readers: int
    rows: int
    total: float
    """Sum of all weights."""

    heaviest: float
    """Largest weight."""

    @classmethod
    def of(cls, interactions: Interactions, parameters: NeighboursParameters) -> Size:
        """The size of interactions as ``parameters`` weigh them."""
        weights = interactions.weights if parameters.weighted else np.ones(interactions.count, np.float32)
        return cls(
            interactions.readers, interactions.rows, float(weights.sum(dtype=np.float64)), float(weights.max(initial=0))
        )


def neighbours(entries: DataFrame, size: Size, parameters: NeighboursParameters) -> DataFrame:
    """Columns row, slot, neighbour (int) and weight (double) from columns reader, row and weight."""
    from pyspark.sql import Window
    from pyspark.sql import functions as sql

    weight = sql.col("weight").cast("double") if parameters.weighted else sql.lit(1.0)
    valued = _valued(entries.select("reader", "row", weight.alias("weight")), size, parameters)
    unit = _largest(size, parameters) / (1 << _bits(size.readers))
    whole = valued.select("reader", "row", sql.round(sql.col("value") / unit).cast("long").alias("whole"))
    left, right = whole.alias("l"), whole.alias("r")
    pairs = (
        left.join(right, (sql.col("l.reader") == sql.col("r.reader")) & (sql.col("l.row") < sql.col("r.row")))
        .groupBy(sql.col("l.row").alias("a"), sql.col("r.row").alias("b"))
        .agg(sql.sum(sql.col("l.whole") * sql.col("r.whole")).alias("sum"))
        .where("sum != 0")
    )
    ends = [
        sql.struct(sql.col(one).alias("row"), sql.col(other).alias("neighbour"))
        for one, other in (("a", "b"), ("b", "a"))
    ]
    both = pairs.select(sql.explode(sql.array(*ends)).alias("pair"), "sum").select("pair.row", "pair.neighbour", "sum")
    heaviest = Window.partitionBy("row").orderBy(sql.desc("sum"), sql.asc("neighbour"))
    return (
        both.withColumn("slot", sql.row_number().over(heaviest) - 1)
        .where(sql.col("slot") < parameters.width)
        .select("row", "slot", "neighbour", (sql.col("sum") * sql.lit(unit * unit)).alias("weight"))
    )


def _valued(entries: DataFrame, size: Size, parameters: NeighboursParameters) -> DataFrame:
    """Columns reader, row and value: what `ranking.models.neighbours.weighting` makes of the entries."""
    from pyspark.sql import functions as sql

    weight = sql.col("weight")
    if parameters.similarity == "cosine":
        lengths = entries.groupBy("row").agg(sql.sqrt(_sum(weight * weight)).alias("length"))
        return entries.join(lengths, "row").select("reader", "row", (weight / sql.col("length")).alias("value"))
    sums = entries.groupBy("row").agg(_sum(weight).alias("total"))
    counts = entries.groupBy("reader").agg(sql.count("*").alias("held"))
    mean = size.total / size.rows
    damping = 1 - parameters.length_penalty + parameters.length_penalty * sql.col("total") / mean
    idf = sql.lit(math.log(size.rows)) - sql.log1p("held")
    value = weight * (parameters.saturation + 1) / (parameters.saturation * damping + weight) * idf
    return entries.join(sums, "row").join(counts, "reader").select("reader", "row", value.alias("value"))


def _largest(size: Size, parameters: NeighboursParameters) -> float:
    """A bound on the magnitude of values that is met closely enough: what quantisation is a share of."""
    if parameters.similarity == "cosine":
        return 1.0
    gain, least = parameters.saturation + 1, parameters.saturation * (1 - parameters.length_penalty)
    return gain * size.heaviest / (least + size.heaviest) * math.log(size.rows + 1)


def _sum(weight: Column) -> Column:
    """Sum of weights rounded to 2⁻²⁰, in whole numbers, in which order does not count."""
    from pyspark.sql import functions as sql

    return sql.sum(sql.round(weight * (1 << VALUE_BITS)).cast("long")) / float(1 << VALUE_BITS)


def _bits(readers: int) -> int:
    """Bits of a value such that the sum of one product a reader stays below 2⁶²."""
    return min(VALUE_BITS, (62 - max(1, readers).bit_length()) // 2)


def _tasks_done(context: Any) -> float:
    """Share of tasks that are done in stages that run now; stages come one after the other, so it is only a hint."""
    tracker = context.statusTracker()
    stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
    total = sum(one.numTasks for one in stages if one)
    return sum(one.numCompletedTasks for one in stages if one) / total if total else 0.0


def _end(spark: SparkSession) -> None:
    """Stop the session and the Java process beneath it, so that its memory is free again."""
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    spark.stop()
    if gateway is None:
        return
    gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        process.stdin.close()
        process.wait(30)
    SparkContext._gateway = SparkContext._jvm = None


def _first_line(cause: BaseException) -> str:
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
