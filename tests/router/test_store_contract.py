"""What every store promises, on SQLite and on PostgreSQL with pgvector: the same verbs, the same rows, two at once."""

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from router.access.rate_store import RateStore, Spent
from router.access.store import KeyStore
from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.records import CacheLookup
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.cache.stored import Label
from router.cache.verifier import Verifier
from router.decisions import Outcome
from router.drift import shared_inputs
from router.drift.shared_inputs import Inputs
from router.drift.sources import INPUTS
from router.encoders import HashingEncoder
from router.errors import StoreError, UnknownDecisionError
from router.log import leases
from router.log.database import open_database
from router.log.presence import Presence, PresenceStore
from router.log.store import LogStore
from router.migrations.schema import SCHEMA
from router.migrations.upgrade import HEAD, current, is_compared, prepare, upgrade
from router.migrations.vectors import has_vectors
from router.policy import Policy
from router.prices import PriceBook
from router.privacy.leaver import Leaver
from router.requests import Request
from router.rollout import guard_standing, tallies
from router.rollout.tallies import Tally
from router.shadow.daily_cap import DailyCap
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ledger_books import imbalances
from router.spend.ownership import Owner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def logs(url: str) -> Iterator[list[LogStore]]:
    made = [LogStore(url, timeout_seconds=20) for _ in range(2)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def caches(url: str) -> Iterator[list[CacheStore]]:
    made = [CacheStore(url, timeout_seconds=20) for _ in range(2)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def engines(url: str) -> Iterator[Callable[[], Engine]]:
    made: list[Engine] = []

    def open_one() -> Engine:
        made.append(open_database(url, 20.0, fsync=False).execution_options(writes=True))
        return made[-1]

    yield open_one
    for engine in made:
        engine.dispose()


def test_the_log_keeps_decisions_and_each_report_once(logs: list[LogStore], tiny_policy: Policy) -> None:
    request = Request.from_mapping({"prompt": "What is 2 + 2?", "tags": {"a": "b"}, "user": "ann"})
    decision = tiny_policy.decide(request, np.zeros(64, np.float32), AT)
    logs[0].append(decision, request).result(20)
    row = logs[1].decision(decision.decision_id)
    assert (row["at"], row["user"], row["tags"], row["options"][0]["route"]) == (
        AT, "ann", {"a": "b"}, decision.chosen.route.key,
    )  # fmt: skip
    outcome = Outcome(decision.decision_id, correct=1.0, usd=Decimal("0.0010"))
    price = PriceBook().usd
    assert [log.report(outcome, price).result(20).repeated for log in logs] == [False, True]
    assert logs[1].outcome_of(decision.decision_id).usd == Decimal("0.0010")
    with pytest.raises(UnknownDecisionError):
        logs[0].decision(decision.decision_id, "somebody else")


def test_the_ledger_balances_with_two_writers(logs: list[LogStore]) -> None:
    def spend_one(number: int) -> None:
        call = NewCall(f"c{number}", AT, Owner("acme", "ann"), "m", "none", "economy", Estimate(10, 20, 30))
        log = logs[number % 2]
        log.write(lambda c: ledger.reserve(c, call, (), 900)).result(30)
        log.write(lambda c: ledger.settle(c, call.call_id, Settlement(15), AT)).result(30)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(spend_one, range(40)))
    with logs[0].reading() as connection:
        assert imbalances(connection) == []
        assert connection.execute(text("SELECT sum(spent) FROM ledger_calls")).scalar_one() == 600


def test_a_lease_is_one_process_s(logs: list[LogStore]) -> None:
    def take(place: int, now_ms: int) -> bool:
        return logs[place].write(lambda c: leases.hold(c, "chores", f"p{place}", now_ms, 1000)).result(20)

    assert [take(0, 0), take(1, 500), take(0, 900), take(1, 1900)] == [True, False, True, True]


def test_what_alternatives_cost_a_day_is_one_sum(logs: list[LogStore]) -> None:
    one, two = (DailyCap(1.0, log) for log in logs[:2])
    held = one.take(0.75)
    assert held is not None and two.take(0.5) is None
    one.correct(held, 0.25)
    assert two.take(0.5) is not None and two.spent == one.spent == 0.75


def test_what_processes_count_and_see_is_one(logs: list[LogStore]) -> None:
    """Both count into one tally, and what both saw is handed out once, though both ask at once."""
    mine, seen = Tally(2, 1, 0, Counter({5: 2})), Inputs("v", "acme", np.ones((3, len(INPUTS))))
    written = [log.write(lambda c: tallies.add(c, {"v": mine}, AT)) for log in logs * 3]
    written += [log.write(lambda c: shared_inputs.put(c, 1.0, [seen])) for log in logs]
    for one in written:
        one.result(20)
    handed = [log.write(lambda c: shared_inputs.take(c, "v")) for log in logs]
    assert sum(len(one.numbers) for taken in handed for one in taken.result(20)) == 6
    logs[0].write(lambda c: guard_standing.keep(c, AT, {"watch": "v"}, {"n": 1})).result(20)
    logs[1].write(lambda c: guard_standing.keep(c, AT, {"watch": "w"}, {"n": 2})).result(20)
    with logs[0].reading() as connection:
        assert tallies.read(connection, ["v"]) == {"v": Tally(12, 6, 0, Counter({5: 12}))}
        assert guard_standing.read(connection) == ({"watch": "w"}, {"n": 2})


def test_the_cache_keeps_answers_histories_and_states(caches: list[CacheStore]) -> None:
    one, two = caches
    key = CacheKey("t", "s", "f", "p", b"x" * 16, True)
    answer = NewAnswer("né\u2028\n", "m", 0.25, tags={"a": "b"}, extra={"n": [1]})
    answer_id, entry_id = one.insert(key, answer, "a\x00b", np.ones(4, np.float32) / 2, "e", 1.0, 9.0)
    found = two.answer(answer_id)
    assert (found.content, found.tags, found.extra) == ("né\u2028\n", {"a": "b"}, {"n": [1]})
    for valid in (True, False):
        two.learn(Label((entry_id,), answer_id, valid, 0.25, 0.8))
    [entry] = one.entries_after("p", 0, "e")
    assert (entry.row.confirmed, entry.row.refuted, entry.row.foretold, entry.vector.tolist()) == (1, 1, 0.5, [0.5] * 4)
    assert one.changed_since(0) == (entry_id, [("t", "p")]) and one.changed_since(entry_id) == (entry_id, [])
    two.save_state("t", {"a": 1})
    two.save_state("t", {"a": 2})
    assert one.load_state("t") == {"a": 2}
    # the same wording again takes the old one's place, in whichever process
    assert two.insert(replace(key), NewAnswer("other"), "ab", None, "e", 2.0, 9.0)[0] != answer_id
    assert one.answer(answer_id) is None


def test_answers_are_found_by_likeness(caches: list[CacheStore]) -> None:
    vectors = np.eye(3, dtype=np.float32)
    ids = []
    for number, vector in enumerate(vectors):
        key = CacheKey("t", "s", "f", "p", bytes([number] * 16), True)
        ids.append(caches[0].insert(key, NewAnswer(f"a{number}"), f"w{number}", vector, "e", 1.0, 9.0)[0])
    long = CacheKey("t", "s", "f", "p", bytes([9] * 16), True)
    caches[0].insert(long, NewAnswer("long"), "long", np.ones(5, np.float32), "another encoder", 1.0, 9.0)
    probe = np.array([0.8, 0.6, 0.0], np.float32)
    assert caches[1].alike("t", "e", probe, 0.75) == {ids[0]}
    assert caches[1].alike("t", "e", probe, 0.55) == set(ids[:2])
    assert caches[1].alike("somebody else", "e", probe, -1.0) == set()


def test_what_is_near_is_found_within_a_partition_only(caches: list[CacheStore]) -> None:
    ids = []
    for number, (partition, vector) in enumerate([("p", 0), ("p", 1), ("q", 0)]):
        key = CacheKey("t", "s", "f", partition, bytes([number] * 16), True)
        vectors = np.eye(3, dtype=np.float32)
        ids.append(caches[0].insert(key, NewAnswer(f"a{number}"), f"w{number}", vectors[vector], "e", 1.0, 9.0)[1])
    other = CacheKey("t", "s", "f", "p", bytes([9] * 16), True)
    caches[0].insert(other, NewAnswer("other"), "other", np.ones(5, np.float32), "another encoder", 1.0, 9.0)
    probe, searches = np.array([0.8, 0.6, 0.0], np.float32), caches[1].searches
    found = caches[1].nearest("p", "e", probe, 8, 20.0)
    assert [one.row.entry_id for one in found] == (ids[:2] if searches else [])
    assert [one.text for one in caches[1].nearest("p", "e", probe, 1, 20.0)] == (["w0"] if searches else [])
    assert [one.text for one in caches[1].equal("p", bytes([1] * 16))] == ["w1"]
    assert caches[1].equal("q", bytes([1] * 16)) == []
    assert [caches[1].has_more("p", count) for count in (2, 3)] == [True, False]


def test_a_search_that_takes_too_long_is_given_up(caches: list[CacheStore]) -> None:
    key = CacheKey("t", "s", "f", "p", bytes(16), True)
    caches[0].insert(key, NewAnswer("a"), "w", np.eye(3, dtype=np.float32)[0], "e", 1.0, 9.0)
    if not caches[0].searches:
        return
    with caches[1].writing() as connection:
        connection.execute(text("LOCK TABLE cache_entries IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StoreError):
            caches[0].nearest("p", "e", np.eye(3, dtype=np.float32)[0], 8, 0.05)


def test_two_processes_keep_one_cache(url: str, verifier: Verifier) -> None:
    encoder = HashingEncoder()
    caches = [SemanticCache(CacheStore(url, timeout_seconds=20), verifier, "hashing", 64, seed=1) for _ in range(2)]
    one, two = caches
    request = Request.from_prompt("what is the capital of France?")
    lookup = one.lookup(request, lambda: encoder.encode([request.text])[0])
    one.flush()
    assert two.learn(lookup.lookup_id, NewAnswer("Paris", "m", key="Paris"), tenant="default").stored
    for _ in range(2):
        for cache in caches:
            cache.follow()
    assert one.lookup(request, lambda: encoder.encode([request.text])[0]).answer.content == "Paris"
    one.follow()
    two.follow()
    assert [cache.promise("default").requests for cache in caches] == [2, 2]
    for cache in caches:
        cache.close()


def test_a_fresh_process_answers_from_the_store_as_it_will_from_memory(
    url: str, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.cache.memory._READ_AT_ONCE", 2)
    encoder = HashingEncoder()

    def opened() -> SemanticCache:
        return SemanticCache(CacheStore(url, timeout_seconds=20), verifier, "hashing", 64, seed=1)

    def ask(cache: SemanticCache, prompt: str) -> CacheLookup:
        return cache.lookup(Request.from_prompt(prompt), encoder.encode([prompt])[0])

    before = opened()
    for prompt in ("reset my password", "cancel my order", "change my address"):
        before.learn(ask(before, prompt).lookup_id, NewAnswer(f"how to {prompt}"), tenant="default")
    fresh = opened()
    assert ask(fresh, "cancel my order").tier == "exact"
    cold = ask(fresh, "please reset my password").reason
    assert fresh.entries("default") == 0 and fresh.warm() == 3
    warm = ask(fresh, "please reset my password").reason
    assert "risk" in warm and cold == (warm if url.startswith("postgresql") else "no entry is near")
    before.close()
    fresh.close()


def test_keys_are_made_and_revoked(url: str) -> None:
    one, two = KeyStore(url, 20), KeyStore(url, 20)
    key, _ = one.make("acme", frozenset({"route"}))
    before = two.revision()
    two.revoke(key.key_id)
    assert one.revision() != before
    assert [kept.state(datetime.now(UTC).timestamp()) for kept in one.listed()] == ["revoked"]
    one.close()
    two.close()


def test_a_key_s_rate_is_one_over_all_processes(url: str) -> None:
    stores = [RateStore(url, 20) for _ in range(2)]
    assert stores[0].exchange({"k": Spent(3.0, 5.0)})["k"] == 2.0
    # the other process let four through before it knew: the debt is everybody's
    left = stores[1].exchange({"k": Spent(4.0, 5.0)})["k"]
    assert -2.0 <= left < 0
    time.sleep(0.1)
    later = stores[0].exchange({"k": Spent(0.0, 5.0), "unknown": Spent(0.0, 1.0)})
    assert later.keys() == {"k"} and left + 0.4 < later["k"] < 5.0
    for store in stores:
        store.close()


def test_every_living_process_hears_what_is_told_to_all(url: str) -> None:
    heard: list[Leaver] = []
    one, two = (Presence(PresenceStore(url, 20), heard.append) for _ in range(2))
    for process in (one, two, one):
        process.look()
    assert (one.count, two.count) == (1, 2)
    store = PresenceStore(url, 20)
    notice = store.tell(Leaver.of("acme", "bob"))
    assert store.deaf_to(notice) == 2
    one.look()
    assert (store.deaf_to(notice), heard) == (1, [Leaver.of("acme", "bob")])
    two.stop()
    assert store.deaf_to(notice) == 0
    one.stop()
    store.close()


def test_a_store_of_before_is_upgraded_by_four_that_start_at_once(engines: Callable[[], Engine]) -> None:
    with engines().begin() as connection:
        importlib.import_module("router.migrations.versions.r0001_beginning").TABLES.create_all(connection)
        connection.execute(text("INSERT INTO cache_states VALUES ('t', '{}', 1.0)"))

    def start(engine: Engine) -> str | None:
        with engine.begin() as connection:
            prepare(connection)
            return current(connection)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, [engines() for _ in range(4)])) == [HEAD] * 4
    with engines().begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cache_states")) == 1
        assert has_vectors(connection) == (connection.dialect.name == "postgresql")


def test_migrations_lead_to_the_tables_that_the_code_names(engines: Callable[[], Engine]) -> None:
    with engines().begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"include_object": is_compared})
        assert compare_metadata(context, list(SCHEMA)) == []


def test_yesterday_s_vectors_are_searched_too(engines: Callable[[], Engine], url: str) -> None:
    with engines().begin() as connection:
        prepare(connection)
        if has_vectors(connection):
            connection.execute(text("ALTER TABLE cache_entries DROP COLUMN embedding"))
    store = CacheStore(url, timeout_seconds=20)
    key = CacheKey("t", "s", "f", "p", b"x" * 16, True)
    answer_id, _ = store.insert(key, NewAnswer("a"), "w", np.eye(3, dtype=np.float32)[0], "e", 1.0, 9.0)
    with engines().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        prepare(connection)
    again = CacheStore(url, timeout_seconds=20)
    assert again.alike("t", "e", np.eye(3, dtype=np.float32)[0], 0.9) == {answer_id}
    store.close()
    again.close()


def test_what_was_written_a_second_ago_is_read(logs: list[LogStore], tiny_policy: Policy) -> None:
    request = Request.from_prompt("x")
    decided = [tiny_policy.decide(request, np.zeros(64, np.float32), AT + timedelta(seconds=n)) for n in range(3)]
    for number, decision in enumerate(decided):
        logs[number % 2].append(decision, request).result(20)
    assert [row["decision_id"] for row, _ in logs[0].joined("default")] == [one.decision_id for one in decided]
