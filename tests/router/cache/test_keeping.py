"""Equal answers of a partition are one, and none stays that cannot be found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from router.cache.answers import NewAnswer
from router.cache.keeping import drop_unworded, insert_entry, keep_answer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
from router.cache.tables import answers, entries
from router.privacy.cipher import Cipher, is_sealed

Keep = Callable[..., int]
VECTOR = np.ones(4, np.float32)


def key(partition: str = "p", exact: bytes = b"one") -> CacheKey:
    return CacheKey("t", "s", "f", partition, exact.ljust(16), True)


@pytest.fixture
def store(tmp_path: Path) -> CacheStore:
    return CacheStore(f"sqlite:///{tmp_path / 'cache.db'}", timeout_seconds=5)


@pytest.fixture
def keep(store: CacheStore) -> Keep:
    def kept(said: str, partition: str = "p", created: float = 1.0, cipher: Cipher | None = None) -> int:
        with store.writing() as connection:
            return keep_answer(connection, key(partition), NewAnswer(said), created, 9.0, cipher or Cipher())

    return kept


def test_an_answer_that_says_the_same_is_renewed(store: CacheStore, keep: Keep) -> None:
    first = keep("yes")
    assert keep("Yes.", created=5.0) == first != keep("no")
    found = store.answer(first)
    assert found is not None and (found.content, found.created) == ("Yes.", 5.0)


def test_equal_answers_of_two_partitions_stay_two(keep: Keep) -> None:
    assert keep("yes") != keep("yes", partition="q")


def test_an_equal_wording_is_replaced(store: CacheStore) -> None:
    for said in ("yes", "no"):
        store.insert(key(), NewAnswer(said), "one", VECTOR, "e", 1.0, 9.0)
    with store.reading() as connection:
        assert connection.execute(select(entries.c.text)).all() == [("one",)]
        assert connection.scalars(select(answers.c.content)).all() == ["no"]


def test_an_answer_leaves_with_its_last_wording_only(store: CacheStore, keep: Keep) -> None:
    worded, unworded = keep("yes"), keep("no")
    with store.writing() as connection:
        insert_entry(connection, key(), worded, "a\x00b", VECTOR, "e", 1.0)
        drop_unworded(connection, worded)
        drop_unworded(connection, unworded)
        assert connection.scalar(select(entries.c.text)) == "ab"
    assert store.answer(worded) is not None and store.answer(unworded) is None


def test_what_an_answer_says_is_sealed_where_there_is_a_key(store: CacheStore, keep: Keep) -> None:
    answer_id = keep("secret", cipher=Cipher({"k1": bytes(32)}))
    with store.reading() as connection:
        assert is_sealed(connection.scalar(select(answers.c.content)))
    assert store.answer(answer_id) is None  # none of its keys opens it
