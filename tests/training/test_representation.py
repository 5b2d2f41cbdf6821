"""The representation: finite for any text, the same alone or among others."""

import numpy as np

from training.representation import fit_representation


def test_rows_are_finite_and_independent_of_their_company() -> None:
    texts = ["", "a b c", "compute 1 + 2", "x" * 9000, "compute 3 + 4"]
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    representation = fit_representation(texts, vectors, seed=0)
    rows = representation.rows(texts, vectors)
    assert all(np.isfinite(row.dense).all() and len(row.dense) == representation.width for row in rows)
    assert np.array_equal(rows[2].dense, representation.row(texts[2], vectors[2]).dense)


def test_one_text_is_enough() -> None:
    assert np.isfinite(fit_representation(["one"], np.ones((1, 4)), 0).row("two", np.zeros(4)).dense).all()
