"""The ItemGraph keeps its promises in memory and on disk."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.errors import DataError, GraphCorrupt, GraphError, GraphTruncated, GraphVersion
from ranking.graph import LARGEST_WEIGHT, ItemGraph
from ranking.graph_file import FORMAT, MAGIC

PREFIX = struct.Struct("<8sII32s")


def small_graph(**more):
    ids = [[1, 2, -1], [0, 2, -1], [0, 3, 1], [-1, -1, -1]]
    weights = [[0.5, -1.0, 9.0], [0.25, 0.125, 0.0], [0.75, 0.25, 0.25], [0.0, 0.0, 0.0]]
    return ItemGraph.from_arrays(np.array(ids), np.array(weights), trainer="test", **more)


def rewritten(path, change):
    """The file with its header changed and its header checksum made right again."""
    raw = path.read_bytes()
    length = PREFIX.unpack(raw[: PREFIX.size])[2]
    header = json.loads(raw[PREFIX.size : PREFIX.size + length])
    change(header)
    text = json.dumps(header, sort_keys=True).encode().ljust(length)
    assert len(text) == length, "the change must not lengthen the header"
    prefix = PREFIX.pack(MAGIC, FORMAT, length, hashlib.sha256(text).digest())
    path.write_bytes(prefix + text + raw[PREFIX.size + length :])


def test_rows_are_ordered_by_magnitude_and_then_by_id_with_padding_last():
    graph = small_graph()
    assert graph.neighbours.tolist() == [[2, 1, -1], [0, 2, -1], [0, 1, 3], [-1, -1, -1]]
    assert graph.weights[0].tolist() == [-LARGEST_WEIGHT, 16384, 0]
    assert (graph.rows, graph.width) == (4, 3)
    assert graph.neighbours.dtype == np.int32 and graph.weights.dtype == np.int16


def test_a_padded_slot_counts_for_nothing_whatever_weight_it_carries():
    assert small_graph().scale == 1.0 / LARGEST_WEIGHT


def test_signed_weights_come_back_within_half_a_quantum():
    graph = small_graph()
    assert graph.weights[0, 0] * graph.scale == pytest.approx(-1.0)
    assert abs(graph.weights[1, 1] * graph.scale - 0.125) <= graph.scale / 2


def test_a_weight_that_rounds_to_zero_is_no_neighbour():
    graph = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[1.0], [1e-9]]), trainer="test")
    assert graph.neighbours.tolist() == [[1], [-1]]


def test_the_arrays_are_read_only_and_so_are_the_mappings():
    graph = small_graph(parameters={"a": 1})
    with pytest.raises(ValueError, match="read-only"):
        graph.weights[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        graph.neighbours[0, 0] = 1
    with pytest.raises(TypeError):
        graph.parameters["a"] = 2


def test_the_version_names_content_and_not_the_time_of_training():
    graph = small_graph(parameters={"k": 1})
    assert graph.version == small_graph(parameters={"k": 1}).version
    assert graph.version == graph.stamped(created_at=99, metrics={"recall@20": 0.5}).version
    assert graph.version != small_graph(parameters={"k": 2}).version


def test_narrowing_keeps_the_heaviest_neighbours():
    narrow = small_graph().narrowed(1)
    assert narrow.neighbours.tolist() == [[2], [0], [0], [-1]]
    assert narrow.version != small_graph().version
    assert small_graph().narrowed(9).version == small_graph().version
    with pytest.raises(DataError, match="at least one slot"):
        small_graph().narrowed(0)


def test_a_dense_matrix_loses_its_diagonal_and_keeps_its_heaviest_entries():
    matrix = np.array([[9.0, 1.0, -2.0], [0.0, 9.0, 0.0], [0.5, 0.25, 9.0]])
    graph = ItemGraph.from_dense_rows(matrix, 1, trainer="test")
    assert graph.neighbours.tolist() == [[2], [-1], [0]]
    assert np.sign(graph.weights).tolist() == [[-1], [0], [1]]
    with pytest.raises(DataError, match="square"):
        ItemGraph.from_dense_rows(matrix[:2], 1, trainer="test")


def test_empty_and_single_row_graphs_exist():
    assert ItemGraph.from_dense_rows(np.zeros((1, 1)), 5, trainer="test").neighbours.tolist() == [[-1]]
    assert ItemGraph.from_dense_rows(np.zeros((0, 0)), 5, trainer="test").rows == 0


@pytest.mark.parametrize(
    ("ids", "weights", "message"),
    [
        ([[1], [2]], [[1.0], [1.0]], "only 2 rows"),
        ([[0], [0]], [[1.0], [1.0]], "own neighbour"),
        ([[1, 1], [0, -1]], [[1.0, 2.0], [1.0, 0.0]], "twice"),
        ([[1], [0]], [[np.nan], [1.0]], "not finite"),
        ([[1], [0]], [[1.0, 2.0], [1.0, 2.0]], "must both be"),
        ([[1.0], [0.0]], [[1.0], [1.0]], "must be integers"),
    ],
)
def test_senseless_arrays_are_refused(ids, weights, message):
    with pytest.raises(DataError, match=message):
        ItemGraph.from_arrays(np.array(ids), np.array(weights), trainer="test")


def test_parameters_that_are_not_json_are_refused():
    with pytest.raises(DataError, match="finite JSON"):
        small_graph(parameters={"a": float("nan")})


def test_a_saved_graph_loads_the_same_mapped_and_read_only(tmp_path):
    path = tmp_path / "model.graph"
    graph = small_graph(parameters={"k": 3}, created_at=7, metrics={"recall@20": 0.25})
    graph.save(path)
    for verify in (True, False):
        back = ItemGraph.load(path, verify=verify)
        assert np.array_equal(back.neighbours, graph.neighbours)
        assert np.array_equal(back.weights, graph.weights)
        assert (back.scale, back.version, back.trainer) == (graph.scale, graph.version, "test")
        assert dict(back.parameters) == {"k": 3} and back.created_at == 7
        assert dict(back.metrics) == {"recall@20": 0.25}
        assert not back.neighbours.flags.writeable and not back.weights.flags.writeable
        assert back.neighbours.ctypes.data % 64 == 0 and back.weights.ctypes.data % 64 == 0


def test_an_empty_graph_survives_the_disk(tmp_path):
    path = tmp_path / "model.graph"
    ItemGraph.from_dense_rows(np.zeros((0, 0)), 5, trainer="test").save(path)
    assert ItemGraph.load(path).rows == 0


def test_saving_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "model.graph"
    small_graph().save(path)
    before = ItemGraph.load(path)
    other = small_graph(parameters={"k": 4})
    other.save(path)
    assert ItemGraph.load(path).version == other.version
    assert before.neighbours[0, 0] == 2, "a mapping made before lives on"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.graph"]


def test_saving_into_a_missing_folder_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        small_graph().save(tmp_path / "none" / "model.graph")
    assert list(tmp_path.iterdir()) == []


@given(cut=st.integers(min_value=1, max_value=600))
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("graphs") / "model.graph"
    small_graph().save(path)
    raw = path.read_bytes()
    path.write_bytes(raw[: max(0, len(raw) - cut)])
    with pytest.raises(GraphError):
        ItemGraph.load(path, verify=False)


def test_a_file_with_something_appended_is_refused(tmp_path):
    path = tmp_path / "model.graph"
    small_graph().save(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(GraphTruncated, match="promises"):
        ItemGraph.load(path)


@given(data=st.data())
def test_any_changed_byte_is_noticed_except_in_padding(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("graphs") / "model.graph"
    graph = small_graph()
    graph.save(path)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(min_value=0, max_value=len(raw) - 1))
    raw[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    path.write_bytes(bytes(raw))
    try:
        back = ItemGraph.load(path)
    except GraphError:
        return
    assert np.array_equal(back.weights, graph.weights) and np.array_equal(back.neighbours, graph.neighbours)


def test_foreign_files_and_newer_formats_say_so(tmp_path):
    path = tmp_path / "model.graph"
    path.write_bytes(b"PK\x03\x04 something else entirely")
    with pytest.raises(GraphVersion, match="not an item graph"):
        ItemGraph.load(path)
    path.write_bytes(b"")
    with pytest.raises(GraphVersion, match="not an item graph"):
        ItemGraph.load(path)
    small_graph().save(path)
    raw = bytearray(path.read_bytes())
    raw[8:12] = struct.pack("<I", FORMAT + 1)
    path.write_bytes(bytes(raw))
    with pytest.raises(GraphVersion, match=f"format {FORMAT + 1}"):
        ItemGraph.load(path)


def test_a_missing_file_says_which(tmp_path):
    with pytest.raises(GraphError, match=r"none\.graph: cannot be read"):
        ItemGraph.load(tmp_path / "none.graph")


def test_a_header_that_lies_about_its_version_or_fields_is_refused(tmp_path):
    path = tmp_path / "model.graph"
    small_graph().save(path)
    rewritten(path, lambda header: header.update(version="0" * 16))
    with pytest.raises(GraphCorrupt, match="checksum"):
        ItemGraph.load(path)
    small_graph().save(path)
    rewritten(path, lambda header: header.pop("trainer"))
    with pytest.raises(GraphCorrupt, match="named trainer"):
        ItemGraph.load(path)
    small_graph().save(path)
    rewritten(path, lambda header: header.update(scale=-1.0))
    with pytest.raises(GraphCorrupt, match="senseless"):
        ItemGraph.load(path)


@pytest.mark.parametrize("wrong", [4, 99, -2])
def test_a_neighbour_out_of_range_is_refused_even_when_every_checksum_fits(tmp_path, wrong):
    path = tmp_path / "model.graph"
    ids = small_graph().neighbours.copy()
    ids[2, 1] = wrong
    ItemGraph.assemble(ids, small_graph().weights.copy(), 1.0, "test", {}, 0, {}).save(path)
    with pytest.raises(GraphCorrupt, match="row 2 names neighbour"):
        ItemGraph.load(path)


def test_a_gap_among_neighbours_is_refused(tmp_path):
    path = tmp_path / "model.graph"
    ids = small_graph().neighbours.copy()
    ids[1] = [0, -1, 2]
    ItemGraph.assemble(ids, small_graph().weights.copy(), 1.0, "test", {}, 0, {}).save(path)
    with pytest.raises(GraphCorrupt, match="row 1 has a gap"):
        ItemGraph.load(path)
