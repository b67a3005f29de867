"""All-pairs selection and decomposition agree with what they replace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ranking.models import pairs
from ranking.models.decomposition import orthonormal, right_singular
from ranking.models.heaviest import heaviest, heaviest_sparse
from ranking.models.progress import silent, stage
from ranking.models.sparse_product import multiply


def as_dense(ids, weights, rows):
    dense = np.zeros((rows, rows))
    row, slot = np.nonzero(ids >= 0)
    dense[row, ids[row, slot]] = weights[row, slot]
    return dense


def kept_of(matrix, width):
    """Each row's heaviest entries by full sorting, the diagonal out."""
    matrix = matrix.copy()
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-np.abs(matrix), axis=1, kind="stable")[:, :width]
    out = np.zeros_like(matrix)
    np.put_along_axis(out, order, np.take_along_axis(matrix, order, axis=1), axis=1)
    return out


def sparse_matrix(shape, draw):
    return sparse.csr_matrix(draw.random(shape) * (draw.random(shape) < 0.3), dtype=np.float32)


@pytest.mark.parametrize("width", [1, 7, 500])
def test_all_pairs_keep_the_heaviest_of_every_row_across_tiles(monkeypatch, width):
    monkeypatch.setattr(pairs, "_STRIP", 32)
    monkeypatch.setattr(pairs, "_TILE", 48)
    draw = np.random.default_rng(5)
    factors = draw.standard_normal((211, 9)).astype(np.float32)
    left, right = (draw.uniform(0.5, 2, 211).astype(np.float32) for _ in range(2))
    signs = np.sign(draw.standard_normal(9)).astype(np.float32)
    extra = sparse_matrix((70, 211), draw)
    whole = pairs.Symmetric(factors, signs, extra)
    told = []
    ids, weights = pairs.top_pairs(whole, left, right, width, lambda done, message: told.append(done))
    expected = kept_of(
        left[:, None] * ((factors * signs) @ factors.T + extra.T @ extra.toarray()) * right, min(width, 210)
    )
    np.testing.assert_allclose(as_dense(ids, weights, 211), expected, rtol=1e-4, atol=1e-6)
    assert ids.shape == (211, min(width, 210))
    assert told == sorted(told) and told[-1] == 1


def test_all_pairs_leave_slots_empty_where_nothing_is_similar():
    factors = np.eye(4, dtype=np.float32)
    ids, _ = pairs.top_pairs(pairs.Symmetric(factors), np.ones(4, np.float32), np.ones(4, np.float32), 2, silent)
    assert (ids == -1).all()


def test_heaviest_of_dense_and_sparse_agree_with_sorting():
    draw = np.random.default_rng(6)
    matrix = (draw.standard_normal((50, 50)) * (draw.random((50, 50)) < 0.5)).astype(np.float32)
    ones = np.ones(50, np.float32)
    expected = kept_of(matrix, 8)
    np.testing.assert_allclose(as_dense(*heaviest(matrix, ones, 8), 50), expected)
    np.testing.assert_allclose(as_dense(*heaviest_sparse(sparse.csr_matrix(matrix), 8), 50), expected)


def test_the_sparse_product_is_a_product():
    draw = np.random.default_rng(7)
    matrix = sparse_matrix((40, 30), draw)
    dense = draw.standard_normal((30, 11)).astype(np.float32)
    assert np.allclose(multiply(matrix, dense), matrix.toarray() @ dense, atol=1e-5)


@pytest.mark.parametrize("shape", [(60, 90), (90, 60)], ids=["wide", "tall"])
def test_the_decomposition_finds_the_leading_singular_vectors(shape):
    matrix = sparse_matrix(shape, np.random.default_rng(8))
    vectors, values = right_singular(matrix, 5, oversampling=25, power_iterations=20, seed=1, progress=silent)
    _, expected, rows = np.linalg.svd(matrix.toarray())
    np.testing.assert_allclose(values, expected[:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(vectors.T * rows[:5], axis=1)), 1, atol=1e-3)


def test_a_matrix_of_low_rank_decomposes_without_a_number_that_is_not_finite():
    matrix = sparse.csr_matrix(np.outer(np.ones(30), np.arange(20)).astype(np.float32))
    vectors, values = right_singular(matrix, 10, oversampling=5, power_iterations=3, seed=1, progress=silent)
    assert np.isfinite(vectors).all() and np.isfinite(values).all()
    assert values[0] == pytest.approx(np.linalg.norm(matrix.toarray()), rel=1e-4)
    assert values[1] < 1e-2 * values[0]


def test_a_basis_of_dependent_columns_is_orthonormal_all_the_same():
    column = np.random.default_rng(9).standard_normal((50, 1)).astype(np.float32)
    for block in (np.repeat(column, 4, axis=1), np.zeros((50, 3), np.float32)):
        basis = orthonormal(block)
        np.testing.assert_allclose(basis.T @ basis, np.eye(block.shape[1]), atol=1e-3)


def test_a_stage_reports_within_its_share_of_the_whole():
    told = []
    stage(lambda done, message: told.append(done), 0.5, 1.0)(0.5, "half")
    stage(lambda done, message: told.append(done), 0.5, 1.0)(7, "over")
    assert told == [0.75, 1.0]
