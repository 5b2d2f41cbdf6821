"""What the store acknowledges is there, whoever wrote it and whoever was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
from router.cache.stored import Label
from router.errors import StoreError

KEY = CacheKey("t", "s", "f", "p", b"x" * 16, True)
YES = NewAnswer("yes", usd=0.5)
VECTOR = np.ones(4, np.float32)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'cache.db'}"


@pytest.fixture
def store(tmp_path: Path) -> CacheStore:
    return CacheStore(url(tmp_path), timeout_seconds=5)


def put(store: CacheStore, exact: bytes, answer: NewAnswer = YES) -> tuple[int, int]:
    key = CacheKey("t", "s", "f", "p", exact.ljust(16), True)
    return store.insert(key, answer, exact.decode(), VECTOR, "e", 1.0, 9.0)


def test_an_answer_comes_back_as_it_was(store: CacheStore) -> None:
    ids = put(store, b"one", NewAnswer("né\u2028\n", model="m", usd=0.25, tags={"a": "b"}, extra={"n": [1]}))
    found = store.answer(ids[0])
    assert found is not None
    assert (found.content, found.model, found.usd, found.tags, found.extra) == (
        "né\u2028\n", "m", 0.25, {"a": "b"}, {"n": [1]},
    )  # fmt: skip


def test_only_what_has_expired_in_the_store_is_removed_as_expired(store: CacheStore) -> None:
    answer_id, _ = put(store, b"one")
    assert store.remove([answer_id], expired_by=8.9) == 0
    assert store.remove([answer_id], expired_by=9.0) == 1
    assert list(store.entries_after("p", 0, "e")) == []


def test_vectors_of_another_encoder_are_left_out(store: CacheStore) -> None:
    put(store, b"one")
    assert [one.vector is None for one in store.entries_after("p", 0, "other")] == [True]
    assert [one.vector is None for one in store.entries_after("p", 0, "e")] == [False]


def test_labels_add_up(store: CacheStore) -> None:
    ids = put(store, b"one")
    for valid, cosine in ((True, 0.9), (False, 0.8), (False, 0.7)):
        store.learn(Label((ids[1],), ids[0], valid, 0.25, cosine))
    row = next(store.entries_after("p", 0, "e")).row
    assert (row.confirmed, row.refuted, row.labels, row.wrong, row.foretold, row.refuted_at) == (1, 2, 3, 2, 0.75, 0.8)
    assert (row.answer_confirmed, row.answer_refuted) == (1, 2)


def test_states_are_replaced(store: CacheStore) -> None:
    assert store.load_state("t") is None
    store.save_state("t", {"a": 1})
    store.save_state("t", {"a": 2})
    assert store.load_state("t") == {"a": 2}


def test_a_broken_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError):
        CacheStore(url(tmp_path), timeout_seconds=1)


_WRITER = """
import sys
import numpy as np
from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
store = CacheStore(sys.argv[1], timeout_seconds=30)
for i in range(int(sys.argv[3])):
    text = f"{sys.argv[2]}-{i}"
    key = CacheKey("t", "s", "f", "p", text.encode().ljust(16)[:16], True)
    store.insert(key, NewAnswer(text), text, np.ones(4, np.float32), "e", 1.0, 9.0)
    print(text, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, url(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def test_two_processes_write_one_store_and_a_killed_one_loses_nothing(tmp_path: Path) -> None:
    steady, killed = writer(tmp_path, "a", 40), writer(tmp_path, "b", 100_000)
    acknowledged = [killed.stdout.readline().strip() for _ in range(20)]  # type: ignore[union-attr]
    os.kill(killed.pid, signal.SIGKILL)
    acknowledged += killed.communicate()[0].split()
    acknowledged += steady.communicate(timeout=60)[0].split()
    store = CacheStore(url(tmp_path), timeout_seconds=5)
    kept = {one.row.text for one in store.entries_after("p", 0, "e")}
    # the last line of the killed process may be torn in the pipe
    assert set(acknowledged[:20]) <= kept and {f"a-{i}" for i in range(40)} <= kept
    assert len(kept) >= 60
