"""A database file that is deleted or replaced while it is open takes no acknowledged record with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from router.cache.answers import NewAnswer
from router.cache.key import CacheKey, cache_key
from router.cache.store import CacheStore
from router.errors import StoreError
from router.log.store import LogStore
from router.requests import Request


@pytest.mark.parametrize("loses", [Path.unlink, lambda path: path.rename(path.with_suffix(".moved"))])
def test_what_is_acknowledged_afterwards_is_in_the_file_that_others_see(
    store: LogStore, store_url: str, tmp_path: Path, loses: Callable[[Path], object]
) -> None:
    store.probe().result(5)
    loses(tmp_path / "log.db")
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.probe().result(5)
    store.probe().result(5)
    assert store.counts() == (0, 0)
    other = LogStore(store_url)
    with other.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM probes").scalar() == 1
    other.close()


def test_a_connection_that_rested_opens_the_new_file(tmp_path: Path) -> None:
    url, key = f"sqlite:///{tmp_path / 'cache.db'}", cache_key(Request.from_prompt("x"))
    assert isinstance(key, CacheKey)
    one = CacheStore(url)
    first, _ = one.insert(key, NewAnswer("old"), "x", None, "none", 0.0, 9.0)
    for path in tmp_path.iterdir():
        path.unlink()
    two = CacheStore(url)
    again, _ = two.insert(key, NewAnswer("new"), "x", None, "none", 0.0, 9.0)
    assert first == again and one.answer(first).content == "new"
    one.close()
    two.close()
