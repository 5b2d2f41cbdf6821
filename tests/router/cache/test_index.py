"""The index finds the nearest of what is there, in every phase of its life, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cache.index import VectorIndex

SECRET = b"of this store"


def unit(count: int, seed: int = 0, dim: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=80))
@settings(max_examples=30)
def test_search_agrees_with_a_list_through_inserts_and_deletes(steps: list[tuple[bool, int]]) -> None:
    vectors, index, alive = unit(31), VectorIndex(16, "e"), set()
    for adds, row in steps:
        if adds:
            index.add([row], vectors[[row]])
            alive.add(row)
        else:
            assert index.remove(row) == (row in alive)
            alive.discard(row)
    rows, cosines = index.search(vectors[0], 5)
    expected = sorted(alive, key=lambda row: -float(vectors[row] @ vectors[0]))[:5]
    assert set(rows) == set(expected)
    assert np.allclose(cosines, sorted((float(vectors[row] @ vectors[0]) for row in expected), reverse=True), atol=1e-5)
    assert len(index) == len(alive)


@pytest.fixture
def grown() -> tuple[VectorIndex, np.ndarray]:
    """An index past its limit, so that most vectors are in the graph, with every third removed."""
    vectors, index = unit(900), VectorIndex(16, "e", flat_limit=200)
    for row in range(900):
        index.add([row], vectors[[row]])
    for row in range(0, 900, 3):
        index.remove(row)
    return index, vectors


def test_the_graph_finds_what_was_kept_and_not_what_was_removed(grown: tuple[VectorIndex, np.ndarray]) -> None:
    index, vectors = grown
    found = [index.search(vectors[row], 1)[0][0] for row in range(900)]
    assert np.mean([found[row] == row for row in range(900) if row % 3]) > 0.98
    assert not any(one % 3 == 0 for one in found)


def test_a_saved_index_comes_back_and_goes_on(grown: tuple[VectorIndex, np.ndarray], tmp_path: Path) -> None:
    index, vectors = grown
    index.save(tmp_path / "i", SECRET)
    again = VectorIndex.load(tmp_path / "i", 16, "e", SECRET, flat_limit=200)
    assert again is not None
    assert again.search(vectors[7], 5) == index.search(vectors[7], 5)
    again.add([5_000], vectors[[7]])
    assert 5_000 in again.search(vectors[7], 2)[0]


@pytest.mark.parametrize("cut", [0, 10, 40, 5_000])
def test_a_torn_file_is_not_used(grown: tuple[VectorIndex, np.ndarray], tmp_path: Path, cut: int) -> None:
    grown[0].save(tmp_path / "i", SECRET)
    (tmp_path / "i").write_bytes((tmp_path / "i").read_bytes()[:cut])
    assert VectorIndex.load(tmp_path / "i", 16, "e", SECRET) is None


def test_an_index_of_another_encoder_is_not_used(grown: tuple[VectorIndex, np.ndarray], tmp_path: Path) -> None:
    grown[0].save(tmp_path / "i", SECRET)
    assert VectorIndex.load(tmp_path / "i", 16, "other", SECRET) is None
    assert VectorIndex.load(tmp_path / "i", 8, "e", SECRET) is None


def test_an_index_that_we_did_not_write_is_not_read(grown: tuple[VectorIndex, np.ndarray], tmp_path: Path) -> None:
    grown[0].save(tmp_path / "i", b"of another store")
    assert VectorIndex.load(tmp_path / "i", 16, "e", SECRET) is None


def test_an_empty_index_finds_nothing() -> None:
    assert VectorIndex(16, "e").search(unit(1)[0], 3) == ([], [])


def test_an_index_that_cannot_be_saved_leaves_nothing_behind(
    grown: tuple[VectorIndex, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "i" / "taken").mkdir(parents=True)
    with pytest.raises(OSError):
        grown[0].save(tmp_path / "i", SECRET)
    assert [one.name for one in tmp_path.iterdir()] == ["i"]
