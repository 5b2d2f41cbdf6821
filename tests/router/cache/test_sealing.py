"""What the cache keeps of texts where it has a key: nothing that can be read off the disk."""

import base64
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, create_engine

from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
from router.privacy.cipher import Cipher
from router.privacy.forgetting import writing
from router.privacy.reseal import reseal

KEY = CacheKey("t", "s", "f", "p", b"x" * 16, True)
OLD = "k1:" + base64.b64encode(b"1" * 32).decode()
NEW = "k2:" + base64.b64encode(b"2" * 32).decode()
ANSWER = NewAnswer("a secret answer", key="secret key", extra={"more": "secret extra"}, tags={"a": "b"})


def opened(folder: Path, keys: str | None) -> CacheStore:
    return CacheStore(f"sqlite:///{folder}/cache.db", timeout_seconds=5, cipher=Cipher.read(keys))


def put(store: CacheStore) -> int:
    return store.insert(KEY, ANSWER, "a secret question", np.ones(4, np.float32), "e", 1.0, 9.0)[0]


def test_texts_come_back_with_the_key_and_are_not_on_the_disk(tmp_path: Path) -> None:
    store = opened(tmp_path, OLD)
    answer_id = put(store)
    found = store.answer(answer_id)
    assert found is not None and store.find("t") == [found]
    assert (found.content, found.answer_key, found.extra, found.tags) == (
        "a secret answer", "secret key", {"more": "secret extra"}, {"a": "b"},
    )  # fmt: skip
    assert [one.text for one in store.entries_after("p", 0, "e")] == ["a secret question"]
    store.close()
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.glob("cache.db*"))


def test_what_no_key_opens_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    store = opened(tmp_path, OLD)
    answer_id = put(store)
    store.close()
    other = opened(tmp_path, NEW)
    assert other.answer(answer_id) is None and other.find("t") == []
    assert list(other.entries_after("p", 0, "e")) == []
    assert put(other) == answer_id  # the same answer, sealed anew
    assert other.answer(answer_id) is not None
    other.close()


def test_resealing_takes_an_old_key_out_of_use(tmp_path: Path) -> None:
    store = opened(tmp_path, None)
    answer_id = put(store)
    store.close()
    for keys in (OLD, f"{NEW},{OLD}"):
        for table in ("answers", "entries"):
            with writing(f"sqlite:///{tmp_path}/cache.db") as connection:
                assert reseal(connection, Cipher.read(keys), table, 0) == (1, 1, 0)
                assert reseal(connection, Cipher.read(keys), table, 1) is None
    store = opened(tmp_path, NEW)
    found = store.answer(answer_id)
    assert found is not None and found.extra == {"more": "secret extra"}
    store.close()
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.glob("cache.db*"))


def test_a_store_without_a_cache_has_nothing_to_seal(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    with engine.connect() as connection:
        assert isinstance(connection, Connection)
        assert reseal(connection, Cipher.read(OLD), "answers", 0) is None
    engine.dispose()
