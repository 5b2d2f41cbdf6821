"""Who a token belongs to, from memory."""

import time
from collections.abc import Iterator

import pytest

from router.access.keys import parse_token, token_of
from router.access.ring import ANYBODY, Caller, KeyRing
from router.access.store import KeyStore
from router.errors import ForbiddenError, RateLimitedError, StoreError, UnknownKeyError

ROUTE = frozenset({"route"})


@pytest.fixture
def keys(store_url: str) -> Iterator[KeyStore]:
    made = KeyStore(store_url)
    yield made
    made.close()


@pytest.fixture
def ring(store_url: str) -> Iterator[KeyRing]:
    made = KeyRing(KeyStore(store_url), poll_seconds=0.02)
    yield made
    made.stop()


def test_a_token_says_whose_it_is_and_what_it_may_do(keys: KeyStore, ring: KeyRing) -> None:
    key, token = keys.make("acme", ROUTE)
    ring.look()
    assert ring.caller(token) == Caller("acme", ROUTE, key.key_id)


def test_no_token_a_wrong_one_and_an_ended_one_open_nothing(keys: KeyStore, ring: KeyRing) -> None:
    key, _ = keys.make("acme", ROUTE)
    _, expired = keys.make("acme", ROUTE, expires=1.0)
    ring.look()
    for token in (None, "", "tw_x", token_of(key.key_id, "A" * 43), token_of("0" * 12, "A" * 43), expired):
        with pytest.raises(UnknownKeyError):
            ring.caller(token)


def test_a_revocation_reaches_a_running_ring_within_a_second(keys: KeyStore, ring: KeyRing) -> None:
    key, token = keys.make("acme", ROUTE)
    ring.start()
    assert ring.caller(token).tenant == "acme"
    keys.revoke(key.key_id)
    deadline = time.monotonic() + 1.0
    with pytest.raises(UnknownKeyError, match="revoked"):
        while time.monotonic() < deadline:
            ring.caller(token)
            time.sleep(0.01)


def test_anybody_may_call_only_until_the_first_key_is_made(keys: KeyStore, store_url: str) -> None:
    ring = KeyRing(KeyStore(store_url), required=False)
    ring.look()
    assert ring.open and ring.caller(None) is ANYBODY
    key, _ = keys.make("acme", ROUTE)
    keys.revoke(key.key_id)  # even a key that opens nothing any more shows that keys are meant
    ring.look()
    assert not ring.open
    with pytest.raises(UnknownKeyError):
        ring.caller(None)
    ring.stop()


def test_before_the_keys_were_read_nobody_is_let_in(ring: KeyRing) -> None:
    with pytest.raises(StoreError):
        ring.caller(None)


def test_while_the_store_is_away_the_keys_last_read_hold(keys: KeyStore, ring: KeyRing, monkeypatch) -> None:
    _, token = keys.make("acme", ROUTE)
    ring.look()

    def away(self: KeyStore) -> tuple[int, int]:
        raise StoreError("away")

    monkeypatch.setattr(KeyStore, "revision", away)
    ring.start()
    time.sleep(0.05)
    assert ring.caller(token).tenant == "acme"


def test_a_key_that_asks_too_fast_is_told_when_to_come_back(keys: KeyStore, ring: KeyRing) -> None:
    _, token = keys.make("acme", ROUTE, requests_per_second=1.0)
    ring.look()
    ring.caller(token)
    with pytest.raises(RateLimitedError) as refused:
        ring.caller(token)
    assert 0 < refused.value.wait_seconds <= 1


def test_a_caller_speaks_for_its_own_tenant_only() -> None:
    acme, gateway = Caller("acme"), Caller(None)
    assert acme.own({"a": 1}) == {"a": 1, "tenant": "acme"}
    assert acme.own({"tenant": "acme"}) == {"tenant": "acme"}
    assert gateway.own({"tenant": "other"}) == {"tenant": "other"}
    with pytest.raises(ForbiddenError):
        acme.own({"tenant": "other"})


def test_checking_a_key_costs_microseconds(keys: KeyStore, ring: KeyRing) -> None:
    """A bound far above what it takes (about 5 microseconds): it fails when a disk or a lock comes in between."""
    _, token = keys.make("acme", ROUTE)
    ring.look()
    assert parse_token(token) is not None
    spent = []
    for _ in range(300):
        started = time.perf_counter()
        ring.caller(token)
        spent.append(time.perf_counter() - started)
    assert sorted(spent)[150] < 0.001
