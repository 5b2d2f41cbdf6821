"""A large partition is served from the store until it is in memory."""

from collections.abc import Callable
from threading import Thread

import numpy as np
import pytest

from router.cache import memory
from router.cache.answers import NewAnswer
from router.cache.guarded import GuardedCache
from router.cache.records import Begun, CacheLookup
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.errors import StoreError
from router.events import CacheFailed
from router.privacy.leaver import Leaver
from router.requests import Request

Make, Embed = Callable[..., SemanticCache], Callable[[str], np.ndarray]
WORDINGS = ("reset my password", "cancel my order", "change my address")


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    monkeypatch.setattr(memory, "_READ_AT_ONCE", 2)


@pytest.fixture
def cold(make_cache: Make, embed: Embed) -> SemanticCache:
    """Of a process that begins: three entries are in the store, none in memory."""
    before = make_cache()
    for text in WORDINGS:
        before.learn(ask(before, embed, text).lookup_id, NewAnswer(f"how to {text}"), tenant="default")
    before.close()
    return make_cache()


def ask(cache: SemanticCache, embed: Embed, prompt: str) -> CacheLookup:
    return cache.lookup(Request.from_prompt(prompt), lambda: embed(prompt))


def searching(monkeypatch) -> None:
    """As pgvector does it, for a store that cannot search: see the contract of stores."""

    def nearest(self: CacheStore, partition: str, encoder: str, vector: np.ndarray, count: int, seconds: float) -> list:
        stored = list(self.entries_after(partition, 0, encoder))
        return sorted(stored, key=lambda one: -float(one.vector @ vector))[:count]

    monkeypatch.setattr(CacheStore, "nearest", nearest)


def test_the_byte_identical_is_served_before_its_partition_is_read(cold: SemanticCache, embed: Embed) -> None:
    found = ask(cold, embed, WORDINGS[0])
    assert (found.action, found.tier) == ("hit", "exact") and cold.entries("default") == 0
    assert ask(cold, embed, "something else").action == "miss"
    assert cold.warming.wants


def test_it_says_while_it_reads_that_what_is_near_is_missed(cold: SemanticCache, monkeypatch) -> None:
    opened, told = cold._reader.opened, []

    def watched(name: str, tenant: str) -> object:
        told.append(cold.warming.misses)
        return opened(name, tenant)

    monkeypatch.setattr(cold._reader, "opened", watched)
    cold.warm()
    assert told == [True] and not cold.warming.misses


def test_what_is_near_is_judged_as_if_it_were_in_memory(cold: SemanticCache, embed: Embed, monkeypatch) -> None:
    searching(monkeypatch)
    asked = "please reset my password"
    before = ask(cold, embed, asked)
    cold.warming.read_wanted()
    assert cold.entries("default") == 3 and not cold.warming.wants
    after = ask(cold, embed, asked)
    assert before.reason == after.reason and "risk" in before.reason


def test_what_is_learnt_meanwhile_is_there_once_it_is_read(cold: SemanticCache, embed: Embed) -> None:
    lookup = ask(cold, embed, "track my parcel")
    assert cold.learn(lookup.lookup_id, NewAnswer("here"), tenant="default").stored
    assert ask(cold, embed, "track my parcel").answer.content == "here"
    assert cold.warm() == 4
    assert ask(cold, embed, "track my parcel").answer.content == "here"


def test_what_is_wanted_while_everything_is_read_is_read_once(cold: SemanticCache, embed: Embed, monkeypatch) -> None:
    opened, read, asked = cold._reader.opened, [], []

    def watched(name: str, tenant: str) -> object:
        read.append(name)
        ask(cold, embed, "something else")
        asked.append(Thread(target=cold.warming.read_wanted))
        asked[-1].start()
        return opened(name, tenant)

    monkeypatch.setattr(cold._reader, "opened", watched)
    assert cold.warm() == 3
    for one in asked:
        one.join(5)
    assert len(read) == 1 and not cold.warming.wants


def test_what_is_forgotten_while_it_is_read_does_not_come_back(cold: SemanticCache, embed: Embed, monkeypatch) -> None:
    opened = cold._reader.opened

    def forgotten_meanwhile(name: str, tenant: str) -> object:
        loaded = opened(name, tenant)
        cold.forget(Leaver.of("default"))
        return loaded

    monkeypatch.setattr(cold._reader, "opened", forgotten_meanwhile)
    assert cold.warm() == 0 and cold.entries("default") == 0


def test_a_store_too_slow_to_search_means_a_miss_that_is_counted(
    cold: SemanticCache, embed: Embed, monkeypatch
) -> None:
    def slow(self: CacheStore, *given: object) -> list:
        raise StoreError("statement timeout")

    monkeypatch.setattr(CacheStore, "nearest", slow)
    monkeypatch.setattr(GuardedCache, "_read", lambda self: None)
    told: list[object] = []
    guarded = GuardedCache(cold, [told.append])
    request = Request.from_prompt("please reset my password")
    begun = guarded.begin(request, "d1")
    assert isinstance(begun, Begun)
    found = guarded.finish(begun, embed(request.text))
    assert found is not None and found.action == "miss"
    assert told == [CacheFailed("lookup", "not searched in time")]
