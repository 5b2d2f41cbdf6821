"""Several processes on one store keep one promise: each counts and learns what all of them did."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from router.cache.answers import NewAnswer
from router.cache.records import CacheLookup, CacheRules
from router.cache.risk_control import BudgetControl, BudgetRules
from router.cache.semantic import SemanticCache
from router.privacy.cipher import Cipher, is_sealed
from router.requests import Request

Make, Embed = Callable[..., SemanticCache], Callable[[str], np.ndarray]


def ask(cache: SemanticCache, embed: Embed, prompt: str) -> CacheLookup:
    return cache.lookup(Request.from_prompt(prompt), lambda: embed(prompt))


def tell(cache: SemanticCache, lookup: CacheLookup, answer: str, patience: float = 0.0) -> str:
    said = NewAnswer(answer, "m|none", 0.01, key=answer)
    return cache.learn(lookup.lookup_id, said, tenant=lookup.tenant, patience_seconds=patience).result


def in_step(*caches: SemanticCache) -> None:
    for _ in range(2):
        for cache in caches:
            cache.flush()
            cache.follow()


def test_processes_end_with_one_promise_over_all_their_requests(make_cache: Make, embed: Embed) -> None:
    one, two = make_cache(), make_cache()
    for number in range(40):
        for cache in (one, two):
            tell(cache, ask(cache, embed, f"how do I reset password {number % 7} please"), f"answer {number % 7}")
        if number % 10 == 9:
            in_step(one, two)
    promises = [cache.promise("default") for cache in (one, two)]
    assert promises[0].requests == promises[1].requests == 80
    assert promises[0].hits == promises[1].hits > 0
    models = [cache._tenants.reuse("default").model for cache in (one, two)]
    assert models[0].labels == models[1].labels > 0
    np.testing.assert_allclose(models[0]._weights, models[1]._weights, atol=0.05)


def test_a_complaint_is_learnt_by_all(make_cache: Make, embed: Embed) -> None:
    one, two = make_cache(), make_cache()
    tell(one, ask(one, embed, "hello there"), "hi")
    in_step(one, two)
    hit = ask(two, embed, "hello there")
    assert hit.action == "hit"
    assert two.report_wrong(hit.lookup_id, tenant="default")
    in_step(one, two)
    assert [cache.promise("default").reported_wrong for cache in (one, two)] == [1, 1]


def test_a_new_process_takes_over_what_was_not_saved_yet(make_cache: Make, embed: Embed) -> None:
    one = make_cache()
    for number in range(3):
        tell(one, ask(one, embed, f"question {number}"), "a")
    one._tenants.save("default")
    for number in range(5):
        ask(one, embed, f"another {number}")
    in_step(one)
    assert make_cache().promise("default").requests == 8


def test_a_process_that_meets_a_tenant_late_counts_what_was_before(make_cache: Make, embed: Embed) -> None:
    one, two = make_cache(), make_cache()
    for number in range(5):
        ask(one, embed, f"question {number}")
    in_step(one, two)
    assert two.promise("default").requests == 5


def test_an_answer_may_be_told_to_another_process_once(make_cache: Make, embed: Embed) -> None:
    one, two = make_cache(), make_cache()
    lookup = ask(one, embed, "what is the capital of France?")
    assert tell(two, lookup, "Paris") == "refused"  # not known there yet
    one.flush()
    assert tell(two, replace(lookup, tenant="other"), "Rome") == "refused"
    assert tell(two, lookup, "Paris") == "stored"
    assert tell(one, lookup, "Paris") == "refused"
    in_step(one, two)
    assert ask(one, embed, "what is the capital of France?").answer.content == "Paris"


def test_an_answer_survives_a_restart_of_the_process_that_asked(make_cache: Make, embed: Embed) -> None:
    one = make_cache()
    lookup = ask(one, embed, "what is the capital of Chile?")
    one.close()
    assert tell(make_cache(), lookup, "Santiago") == "stored"


def test_a_request_that_must_not_be_stored_leaves_no_words_behind(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    request = Request.from_mapping({"prompt": "my secret plan", "cache": {"no_store": True}})
    cache.lookup(request, lambda: embed("my secret plan"))
    cache.flush()
    with cache._store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT text, vector, lookup FROM cache_waiting").all()
    assert len(rows) == 1 and rows[0][:2] == ("", None) and "secret" not in rows[0][2]


def test_words_that_wait_are_sealed_where_there_is_a_key(make_cache: Make, embed: Embed) -> None:
    one, two = make_cache(), make_cache()
    one._store.cipher = two._store.cipher = Cipher({"k1": bytes(32)})
    lookup = ask(one, embed, "what is the capital of Peru?")
    one.flush()
    with one._store.reading() as connection:
        assert is_sealed(connection.exec_driver_sql("SELECT text FROM cache_waiting").scalar_one())
    assert tell(two, lookup, "Lima") == "stored"
    assert ask(two, embed, "what is the capital of Peru?").answer.content == "Lima"


def test_a_follower_reads_new_entries_without_a_lookup_asking_the_store(make_cache: Make, embed: Embed) -> None:
    rules = CacheRules(sync_seconds=1e9)
    one, two = make_cache(rules), make_cache(rules)
    assert ask(two, embed, "hello").action == "miss"
    tell(one, ask(one, embed, "hello"), "hi")
    assert ask(two, embed, "hello").action == "miss"
    two.follow()
    assert ask(two, embed, "hello").action == "hit"


def test_what_others_may_be_spending_is_left_out_of_the_budget() -> None:
    control = BudgetControl(BudgetRules(max_wrong=0.01, audit_share=0.0, prior_events=50), 1)
    control.replay([(0.0001, "miss")] * 1_000)
    affordable = [control._affordable(0.5)]
    control.replay([(0.4, "hit")] * 8)
    affordable.append(control._affordable(0.5))
    control.replay([])
    affordable.append(control._affordable(0.5))
    assert affordable == [True, False, True]
