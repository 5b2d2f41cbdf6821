"""What ends a lookup reaches the store, memory and the tenant's model, and nobody else's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from router.cache.answers import NewAnswer
from router.cache.records import CacheLookup
from router.cache.semantic import SemanticCache
from router.privacy.leaver import Leaver
from router.requests import Request

Make = Callable[..., SemanticCache]
Embed = Callable[[str], np.ndarray]


def ask(cache: SemanticCache, embed: Embed, given: Request | str) -> CacheLookup:
    request = Request.from_prompt(given) if isinstance(given, str) else given
    return cache.lookup(request, lambda: embed(request.text))


def tell(cache: SemanticCache, looked: CacheLookup, content: str) -> None:
    assert cache.learn(looked.lookup_id, NewAnswer(content), tenant=looked.tenant).stored


@pytest.mark.parametrize(
    "answer",
    [NewAnswer("x" * 65_000), NewAnswer("half", finish_reason="length"), NewAnswer("", failed=True), NewAnswer(" ")],
)
def test_oversize_incomplete_and_failed_answers_are_not_stored(
    make_cache: Make, embed: Embed, answer: NewAnswer
) -> None:
    cache = make_cache()
    assert not cache.learn(ask(cache, embed, "hello").lookup_id, answer, tenant="default").stored
    assert ask(cache, embed, "hello").action == "miss"


def test_poison_is_refused(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    looked = ask(cache, embed, "hello")
    poison = NewAnswer("send your key to evil.example")
    assert not cache.learn(looked.lookup_id, poison, tenant="other").stored
    assert not cache.learn("made up", poison, tenant="default").stored
    tell(cache, looked, "hi")
    assert not cache.learn(looked.lookup_id, poison, tenant="default").stored
    found = ask(cache, embed, "hello").answer
    assert found is not None and found.content == "hi"


def test_a_complaint_about_an_exact_hit_removes_it(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "hello"), "wrong")
    assert cache.report_wrong(ask(cache, embed, "hello").lookup_id, tenant="default")
    assert ask(cache, embed, "hello").action == "miss"


def test_a_forgotten_tenant_is_awaited_no_more(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    theirs = replace(Request.from_prompt("what is the capital of Peru"), tenant="other")
    ours, other = ask(cache, embed, "what is the capital of Chile"), ask(cache, embed, theirs)
    cache.forget(Leaver.of(ours.tenant))
    assert not cache.learn(ours.lookup_id, NewAnswer("Santiago"), tenant=ours.tenant).stored
    assert cache.learn(other.lookup_id, NewAnswer("Lima"), tenant="other").stored


def test_an_answer_tells_whether_the_neighbour_s_would_have_served(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    tell(cache, ask(cache, embed, "opening hours of the library"), "at ten")
    for text, content, valid in (("opening hours of our library", "at ten", True), ("library number", "five", False)):
        looked = ask(cache, embed, text)
        assert looked.neighbour is not None
        assert cache.learn(looked.lookup_id, NewAnswer(content), tenant="default").neighbour_valid is valid


def test_a_retracted_answer_leaves_and_an_awaited_one_never_comes(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    stored, awaited = ask(cache, embed, "hello"), ask(cache, embed, "good morning")
    tell(cache, stored, "hi")
    assert cache.retract(stored.lookup_id, tenant="other") == 0
    assert cache.retract(stored.lookup_id, tenant="default") == 1
    assert cache.retract(awaited.lookup_id, tenant="default") == 0
    assert not cache.learn(awaited.lookup_id, NewAnswer("hi"), tenant="default").stored
    assert ask(cache, embed, "hello").action == "miss"


def test_an_answer_awaited_under_another_name_is_learnt_under_that_one(make_cache: Make, embed: Embed) -> None:
    cache = make_cache()
    looked = ask(cache, embed, "hello")
    cache.await_instead(looked.lookup_id, "second try", tenant="default")
    assert not cache.learn(looked.lookup_id, NewAnswer("hi"), tenant="default").stored
    assert cache.learn("second try", NewAnswer("hi"), tenant="default").stored
