"""The cache as a whole: serving, learning, forgetting, sharing a store, and never across a boundary."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from router.cache import index as cache_index
from router.cache.answers import NewAnswer
from router.cache.controls import CacheControls, Scope
from router.cache.key import CacheKey, KeyRules, cache_key
from router.cache.records import CacheLookup, CacheRules
from router.cache.risk_control import BudgetRules
from router.cache.semantic import SemanticCache
from router.requests import Message, Request

Make = Callable[..., SemanticCache]
Embed = Callable[[str], np.ndarray]
GENEROUS = CacheRules(budget=BudgetRules(max_wrong=0.5, audit_share=0.0, most_risk=1.0))


def ask(cache: SemanticCache, embed: Embed, given: Request | str, **controls: object) -> CacheLookup:
    request = Request.from_prompt(given) if isinstance(given, str) else given
    asked = replace(request, cache=CacheControls(**controls)) if controls else request  # type: ignore[arg-type]
    return cache.lookup(asked, lambda: embed(request.text))


def tell(cache: SemanticCache, looked: CacheLookup, content: str, **more: object) -> None:
    done = cache.learn(looked.lookup_id, NewAnswer(content, **more), tenant=looked.tenant)  # type: ignore[arg-type]
    assert done.stored, done.reason


def refuse_to_embed() -> np.ndarray:
    raise AssertionError("the exact tier must not touch the encoder")


def trained(cache: SemanticCache, embed: Embed) -> None:
    """Traffic in which near neighbours are right, so that the cache comes to serve."""
    for i in range(120):
        looked = ask(cache, embed, f"please tell me the opening hours of the {['museum', 'library'][i % 2]} number {i}")
        if looked.action != "hit":
            tell(cache, looked, ["at nine", "at ten"][i % 2])


def test_a_byte_identical_request_needs_no_encoder(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "What is two plus two?"), "4", usd=0.01)
    found = cache.lookup(Request.from_prompt("What is two plus two?"), refuse_to_embed)
    assert (found.action, found.tier, found.usd_saved) == ("hit", "exact", 0.01)
    assert found.answer is not None and found.answer.content == "4"
    assert ask(cache, embed, "What is two plus two ?").action == "miss"


def test_it_learns_to_serve_rewordings(make_cache: Make, embed: Embed) -> None:
    cache = make_cache(GENEROUS)
    trained(cache, embed)
    found = ask(cache, embed, "tell me the opening hours of the library number 41")
    assert found.action == "hit" and found.tier == "semantic"
    assert found.risk is not None and found.neighbour is not None and "within the threshold" in found.reason


def test_entries_read_ahead_are_decided_on_alike(make_cache: Make, embed: Embed) -> None:
    one, two, text = make_cache(GENEROUS), make_cache(GENEROUS), "opening hours of the library 41"
    trained(one, embed)
    two.warm()
    read = two.read_ahead(1_000)
    assert read > 0 and two.read_ahead(1_000) == 0
    vector = embed(text)
    key = cache_key(Request.from_prompt(text))
    assert isinstance(key, CacheKey)
    found = [cache._memory.partition(key.partition, key.tenant).candidate(text, vector) for cache in (one, two)]
    assert found[0].entry_id == found[1].entry_id and found[0].verifier_logit == found[1].verifier_logit


def test_with_the_default_promise_a_new_cache_does_not_guess(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "how do I reset my password"), "Click reset.")
    assert ask(cache, embed, "how do I reset my password please").action == "miss"


def test_controls_are_kept(make_cache: Make, embed: Embed, clock: Callable[[], float]) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "hello"), "old")
    assert ask(cache, embed, "hello", no_cache=True).action == "bypass"
    unstored = ask(cache, embed, "other", no_store=True)
    assert not cache.learn(unstored.lookup_id, NewAnswer("x"), tenant="default").stored
    refreshed = ask(cache, embed, "hello", refresh=True)
    assert refreshed.action == "miss"
    tell(cache, refreshed, "new")
    found = ask(cache, embed, "hello")
    assert found.answer is not None and found.answer.content == "new"
    clock.now += 60  # type: ignore[attr-defined]
    assert ask(cache, embed, "hello", max_age_seconds=59).action == "miss"
    assert ask(cache, embed, "hello", max_age_seconds=60).age_seconds == 60


def test_nothing_is_served_past_its_time_nor_from_the_future(
    make_cache: Make, embed: Embed, clock: Callable[[], float]
) -> None:
    cache = make_cache(CacheRules(ttl_seconds=100))
    tell(cache, ask(cache, embed, "hello"), "hi")
    clock.now -= 3_600  # type: ignore[attr-defined]
    assert ask(cache, embed, "hello").action == "miss"
    clock.now += 3_600 + 99  # type: ignore[attr-defined]
    assert ask(cache, embed, "hello").action == "hit"
    clock.now += 1  # type: ignore[attr-defined]
    assert ask(cache, embed, "hello").action == "miss"
    assert cache.entries("default") == 0


def test_a_complaint_removes_the_entry_and_is_charged(make_cache: Make, embed: Embed) -> None:
    cache = make_cache(GENEROUS)
    trained(cache, embed)
    found = ask(cache, embed, "tell me the opening hours of the museum number 40")
    assert found.action == "hit" and found.answer is not None
    before = cache.promise("default")
    assert not cache.report_wrong(found.lookup_id, tenant="other")
    assert cache.report_wrong(found.lookup_id, tenant="default")
    assert not cache.report_wrong(found.lookup_id, tenant="default")
    after = cache.promise("default")
    assert after.reported_wrong == 1 and after.upper > before.upper
    again = ask(cache, embed, "tell me the opening hours of the museum number 40")
    assert again.answer is None or again.answer.answer_id != found.answer.answer_id


def test_invalidation_is_dry_first_and_meets_every_condition(
    make_cache: Make, embed: Embed, clock: Callable[[], float]
) -> None:
    cache = make_cache()
    for text, tag in (("price of bolts", "a"), ("price of pumps", "a"), ("who is there", "b")):
        tell(cache, ask(cache, embed, text), text, tags={"kind": tag})
    clock.now += 50  # type: ignore[attr-defined]
    tell(cache, ask(cache, embed, "a later one"), "later", tags={"kind": "a"})
    assert cache.invalidate("other").answers == 0
    assert cache.invalidate("default", tag=("kind", "a")).answers == 3
    assert cache.invalidate("default", tag=("kind", "a"), older_than_seconds=10).answers == 2
    found = cache.invalidate("default", like=embed("price of bolts"), min_similarity=0.99)
    assert found.sample == ("price of bolts",) and found.dry_run
    assert ask(cache, embed, "price of bolts").action == "hit"
    cache.invalidate("default", like=embed("price of bolts"), min_similarity=0.99, dry_run=False)
    assert ask(cache, embed, "price of bolts").action == "miss"
    assert cache.invalidate("default", dry_run=False).answers == 3


def test_two_processes_see_each_other(make_cache: Make, embed: Embed, clock: Callable[[], float]) -> None:
    one, two = make_cache(), make_cache()
    assert ask(two, embed, "hello").action == "miss"
    tell(one, ask(one, embed, "hello"), "hi")
    clock.now += 1  # type: ignore[attr-defined]
    assert ask(two, embed, "hello").action == "hit"
    one.invalidate("default", dry_run=False)
    assert ask(one, embed, "hello").action == "miss"
    clock.now += 1  # type: ignore[attr-defined] - as long as others may take to see it
    assert ask(two, embed, "hello").action == "miss"


def test_a_restart_keeps_answers_histories_and_the_promise(make_cache: Make, embed: Embed) -> None:
    cache = make_cache(GENEROUS)
    trained(cache, embed)
    before = cache.promise("default")
    cache.close()
    again = make_cache(GENEROUS)
    assert ask(again, embed, "tell me the opening hours of the library number 41").action == "hit"
    assert again.promise("default").requests == before.requests + 1


def test_a_clock_that_steps_serves_nothing_too_old_and_heals(make_cache: Make, embed: Embed, clock) -> None:
    cache = make_cache(CacheRules(ttl_seconds=100.0))
    tell(cache, ask(cache, embed, "hello"), "hi")
    clock.now -= 1_000.0  # what is there comes from the future: nobody knows how old it is
    looked = ask(cache, embed, "hello")
    assert looked.action == "miss"
    tell(cache, looked, "hi again")
    assert ask(cache, embed, "hello").action == "hit"
    clock.now += 1_000.0  # and what was stored meanwhile is older than its time
    looked = ask(cache, embed, "hello")
    assert looked.action == "miss"
    tell(cache, looked, "hi once more")
    assert ask(cache, embed, "hello").answer.content == "hi once more"


def test_another_encoder_never_meets_old_vectors(make_cache: Make, embed: Embed) -> None:
    cache = make_cache(GENEROUS)
    trained(cache, embed)
    cache.close()
    other = make_cache(GENEROUS, encoder="another")
    assert other.warm() > 0
    fresh = ask(other, embed, "tell me the opening hours of the library number 41")
    assert fresh.action == "miss" and fresh.neighbour is None
    known = "please tell me the opening hours of the museum number 0"
    assert ask(other, embed, known).tier == "exact"


@pytest.mark.parametrize("damage", ["none", "torn", "missing", "another store's"])
def test_a_large_index_outlives_a_restart_and_damage_does_not(
    make_cache: Make, embed: Embed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(cache_index.VectorIndex.__init__, "__defaults__", (20,))
    cache = make_cache(GENEROUS)
    trained(cache, embed)
    secret = cache._store.secret()
    cache.close()
    [path] = (tmp_path / "index").iterdir()
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "missing":
        path.unlink()
    elif damage == "another store's":  # the same identifiers, other vectors
        saved = cache_index.VectorIndex.load(path, 64, "hashing-64", secret)
        assert saved is not None
        rows = sorted(saved.rows())
        saved.add(rows, np.roll(saved.vectors(rows), 1, axis=0))
        saved.save(path, secret)
    changed = make_cache(GENEROUS)  # another process removes one answer while the index rests
    assert changed.invalidate("default", like=embed("please tell me the opening hours of the library number 1"),
                              min_similarity=0.999, dry_run=False).answers == 1  # fmt: skip
    again = make_cache(GENEROUS)
    found = ask(again, embed, "tell me the opening hours of the museum number 40")
    assert found.action == "hit" and found.answer is not None and found.answer.content == "at nine"
    gone = ask(again, embed, "tell me the opening hours of the library number 41").answer
    assert gone is None or gone.content != "at ten"


def test_uses_are_kept_and_told(make_cache: Make, embed: Embed, tmp_path: Path) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "hello"), "hi")
    for _ in range(3):
        ask(cache, embed, "hello")
    cache.close()
    assert make_cache().stored() == {"default": (1, 2)}
    again = make_cache()
    assert again.warm() == 1
    with closing(sqlite3.connect(tmp_path / "cache.db")) as db:
        assert db.execute("SELECT served FROM cache_answers").fetchone() == (3,)


def test_memory_is_bounded_and_the_dearest_stay(make_cache: Make, embed: Embed) -> None:
    cache = make_cache(CacheRules(max_entries=50))
    for i in range(100):
        tell(cache, ask(cache, embed, f"question {i}"), f"answer {i}", usd=1.0 if i < 10 else 0.001)
    assert cache.entries("default") <= 66
    assert all(ask(cache, embed, f"question {i}").action == "hit" for i in range(10))


def test_a_hit_whose_answer_is_gone_becomes_a_miss(make_cache: Make, embed: Embed, clock: Callable[[], float]) -> None:
    one, two = make_cache(GENEROUS), make_cache(GENEROUS)
    trained(one, embed)
    two.warm()
    two.invalidate("default", dry_run=False)
    clock.now += 1  # type: ignore[attr-defined]
    found = ask(one, embed, "tell me the opening hours of the library number 41")
    assert found.action == "miss"
    tell(one, found, "at ten")


# Isolation

SCOPES: tuple[Scope, ...] = ("tenant", "user", "session")
BASE = Request(
    (Message("system", "Be brief."), Message("user", "hi"), Message("assistant", "hello"), Message("user", "?")),
    tenant="a", user="u", session="s", parameters={"top_p": 1},
)  # fmt: skip


def strangers(rng: np.random.Generator) -> tuple[str, Request]:
    """A request that asks the same but stands elsewhere, in one way that must keep it apart."""
    fresh = f"{rng.integers(1 << 60):x}"
    turns = BASE.messages
    of_user, of_session = CacheControls(scope="user"), CacheControls(scope="session")
    ways: list[tuple[str, Request]] = [
        ("tenant", replace(BASE, tenant=f"a{fresh}")),
        ("system", replace(BASE, messages=(Message("system", f"Be brief.{fresh}"), *turns[1:]))),
        ("no system", replace(BASE, messages=turns[1:], tenant=f"a {fresh}")),
        ("history", replace(BASE, messages=(turns[0], Message("user", fresh), *turns[2:]))),
        ("moved turn", replace(BASE, messages=(*turns[:2], Message("assistant", fresh), turns[3]))),
        ("tools", replace(BASE, parameters={"tools": [{"function": {"name": "read", "d": fresh}}]})),
        ("parameter", replace(BASE, parameters={"top_p": 1, "stop": [fresh]})),
        ("nested", replace(BASE, parameters={"top_p": 1, "response_format": {"a": {"b": fresh}}})),
        ("user", replace(BASE, user=f"u{fresh}", cache=of_user)),
        ("session", replace(BASE, session=f"s{fresh}", cache=of_session)),
        ("names that join", replace(BASE, tenant='a", "u', user=fresh, cache=of_user)),
    ]
    return ways[int(rng.integers(len(ways)))]


def test_probes_find_nothing_of_others(make_cache: Make, embed: Embed) -> None:
    """Every probe repeats a stored text, or nearly, from another tenant, scope, system prompt, history, tool or
    parameter, at a budget that serves anything near."""
    rules = replace(GENEROUS, key=KeyRules(read_only_tools=frozenset({"read"})), max_partitions=100_000)
    cache = make_cache(rules)
    texts = [f"what is the secret of project {i}" for i in range(20)]
    for scope in SCOPES:
        for text in texts:
            request = replace(BASE, messages=(*BASE.messages[:-1], Message("user", text)))
            tell(cache, ask(cache, embed, request, scope=scope, refresh=True), f"the secret {scope} {text}")
    assert ask(cache, embed, replace(BASE, messages=(*BASE.messages[:-1], Message("user", texts[0])))).action == "hit"
    rng, leaks, ways = np.random.default_rng(3), 0, set()
    for _ in range(1_500):
        way, request = strangers(rng)
        text = texts[int(rng.integers(len(texts)))] + ("" if rng.random() < 0.5 else "?")
        probe = replace(request, messages=(*request.messages[:-1], Message("user", text)))
        found = cache.lookup(probe, lambda text=text: embed(text))
        leaks += found.action == "hit" or found.neighbour is not None
        ways.add(way)
    assert leaks == 0 and len(ways) == 11


def partition(request: Request, rules: KeyRules) -> str:
    key = cache_key(request, rules)
    assert isinstance(key, CacheKey), key
    return key.partition


def test_ten_thousand_strangers_have_other_partitions() -> None:
    rules, rng = KeyRules(read_only_tools=frozenset({"read"})), np.random.default_rng(4)
    ours = {partition(replace(BASE, cache=CacheControls(scope=scope)), rules) for scope in SCOPES}
    for _ in range(10_000):
        _, request = strangers(rng)
        assert partition(request, rules) not in ours


def test_a_hit_at_hand_reads_no_store(make_cache: Make, embed: Embed, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make_cache()
    request = Request.from_prompt("What is the boiling point of water?")
    assert cache.lookup_at_once(request, "unseen") is None
    tell(cache, ask(cache, embed, request), "100 °C")
    assert ask(cache, embed, request).action == "hit"
    monkeypatch.setattr(cache._store, "reading", refuse_to_embed)
    monkeypatch.setattr(cache._store, "answer", refuse_to_embed)
    found = cache.lookup_at_once(request, "again")
    assert found is not None and found.answer is not None and found.answer.content == "100 °C"
    clock.now += cache.rules.sync_seconds  # what was read holds no longer: another process may have removed it
    assert cache.lookup_at_once(request, "later") is None


def test_a_hit_at_hand_waits_for_nobody(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    request = Request.from_prompt("What is the boiling point of water?")
    tell(cache, ask(cache, embed, request), "100 °C")
    ask(cache, embed, request)
    with ThreadPoolExecutor(1) as pool, cache._lock:
        assert pool.submit(cache.lookup_at_once, request, "again").result(5) is None
