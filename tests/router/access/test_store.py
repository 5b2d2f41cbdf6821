"""Keys as they are kept: never the token, and every process sees every change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.access.keys import parse_token
from router.access.store import KeyStore
from router.errors import InputError, StoreError

ROUTE = frozenset({"route"})


@pytest.fixture
def keys(store_url: str) -> Iterator[KeyStore]:
    made = KeyStore(store_url)
    yield made
    made.close()


def test_the_token_is_nowhere_in_the_store(keys: KeyStore, tmp_path: Path) -> None:
    _, token = keys.make("acme", ROUTE)
    keys.close()
    parsed = parse_token(token)
    assert parsed is not None
    whole = b"".join(path.read_bytes() for path in tmp_path.glob("log.db*"))
    assert parsed[0].encode() in whole and parsed[1].encode() not in whole


def test_a_change_in_one_process_is_seen_in_another(keys: KeyStore, store_url: str) -> None:
    other = KeyStore(store_url)
    assert other.revision() == (0, 0) and other.listed() == []
    key, _ = keys.make("acme", ROUTE, name="shop", expires=9e9, requests_per_second=5.0)
    seen = other.revision()
    assert other.listed() == [key]
    assert keys.revoke(key.key_id).state(0.0) == "revoked"
    assert other.revision() != seen
    other.close()


def test_rotating_gives_another_token_and_keeps_the_old_for_a_while(keys: KeyStore) -> None:
    key, old = keys.make("acme", ROUTE)
    changed, new = keys.rotate(key.key_id, overlap_seconds=60.0)
    assert old != new and changed.key_id == key.key_id
    old_secret, new_secret = parse_token(old)[1], parse_token(new)[1]
    assert changed.matches(new_secret, key.created) and changed.matches(old_secret, key.created + 59)
    assert not changed.matches(old_secret, changed.old_until)
    assert keys.listed() == [changed]


def test_a_revoked_key_cannot_be_rotated_back_to_life(keys: KeyStore) -> None:
    key, _ = keys.make("acme", ROUTE)
    keys.revoke(key.key_id)
    with pytest.raises(InputError, match="revoked"):
        keys.rotate(key.key_id)


@pytest.mark.parametrize(
    "tenant, rate", [("", None), ("a*", None), (" acme", None), ("a\nb", None), ("x" * 201, None), ("acme", 0.0)]
)
def test_what_cannot_be_a_key_is_refused(keys: KeyStore, tenant, rate) -> None:
    with pytest.raises(InputError):
        keys.make(tenant, ROUTE, requests_per_second=rate)


def test_an_unknown_key_is_told_with_the_cure(keys: KeyStore) -> None:
    with pytest.raises(InputError, match="keys list"):
        keys.revoke("0" * 12)


def test_a_store_that_does_not_answer_is_told(tmp_path: Path) -> None:
    folder = KeyStore(f"sqlite:///{tmp_path}")  # a folder is no database
    for ask in (folder.listed, folder.revision, lambda: folder.make("acme", ROUTE)):
        with pytest.raises(StoreError):
            ask()
