"""Two requests share a key only when nothing but the last user turn tells them apart."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cache.controls import CacheControls
from router.cache.key import CacheKey, KeyRules, NotCacheable, cache_key
from router.requests import Request

TOOL = {"type": "function", "function": {"name": "search", "parameters": {}}}
READS = KeyRules(read_only_tools=frozenset({"search"}))


def request(text: str = "What is the capital of Peru?", **more: object) -> Request:
    body = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]}
    return Request.from_mapping(body | more)


def key(given: Request, controls: CacheControls | None = None, rules: KeyRules = READS) -> CacheKey:
    found = cache_key(replace(given, cache=controls or CacheControls()), rules)
    assert isinstance(found, CacheKey), found
    return found


def test_only_the_last_user_turn_may_differ_within_a_partition() -> None:
    assert key(request("one")).partition == key(request("two")).partition
    assert key(request("one")).exact != key(request("two")).exact


VARIANTS = {
    "tenant": request(tenant="other"),
    "system": Request.from_mapping(
        {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "hello"}]}
    ),
    "no system": Request.from_prompt("hello"),
    "developer": Request.from_mapping(
        {"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hello"}]}
    ),
    "history": Request.from_mapping(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "hello"},
            ]
        }
    ),
    "name": Request.from_mapping(
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello", "name": "bob"}]}
    ),
    "sound": Request.from_mapping(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "input_audio", "data": "…"}]},
            ]
        }
    ),
    "a field of the body": request("hello", seed=7),
    "prefill": Request.from_mapping(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "Sure:"},
            ]
        }
    ),
    "tools": request(parameters={"tools": [TOOL]}),
    "format": request(parameters={"response_format": {"type": "json_object"}}),
    "temperature": request(parameters={"temperature": 0.2}),
    "tokens": request(parameters={"max_tokens": 10}),
    "unknown parameter": request(parameters={"persona": "pirate"}),
    "pool": request(constraints={"models": ["gpt-4o"]}),
    "pair": request(constraints={"models": ["gpt-4o", "gpt-4o-mini"]}),
    "quality": request(constraints={"min_quality": 0.9}),
    "objective": request(objective="best"),
    "plain": request(),
}


@pytest.mark.parametrize("one, other", list(itertools.combinations(VARIANTS, 2)))
def test_whatever_shapes_an_answer_separates(one: str, other: str) -> None:
    assert key(VARIANTS[one]).partition != key(VARIANTS[other]).partition


def test_delivery_and_spelling_do_not_separate() -> None:
    plain = key(request(parameters={"top_p": 1, "stop": ["a"]}))
    same = request(parameters={"stop": ["a"], "top_p": 1.0, "stream": True, "metadata": {"id": "7"}, "seed": None})
    assert key(same) == plain


def test_scopes_separate_people_and_never_meet_the_tenant() -> None:
    ann, bob = request(user="ann", session="s"), request(user="bob", session="s")
    of_user, of_session = CacheControls(scope="user"), CacheControls(scope="session")
    found = {key(ann).partition, key(ann, of_user).partition, key(bob, of_user).partition}
    assert len(found | {key(ann, of_session).partition}) == 4
    assert key(ann, of_session) == key(bob, of_session)


@pytest.mark.parametrize(
    "given, controls, reason",
    [
        (request(), CacheControls(no_cache=True), "no cache"),
        (request(), CacheControls(scope="user"), "scope user without a user"),
        (request(parameters={"temperature": 0.9}), CacheControls(), "temperature"),
        (request(parameters={"temperature": "hot"}), CacheControls(), "temperature"),
        (request(parameters={"tools": [{"function": {"name": "pay"}}]}), CacheControls(), "pay may act"),
        (request(parameters={"tools": [{"type": "web_search"}]}), CacheControls(), "may act"),
        (request(parameters={"tools": "pay"}), CacheControls(), "may act"),
        (request(parameters={"x": float("nan")}), CacheControls(), "not plain JSON"),
        (request(parameters={"x": object()}), CacheControls(), "not plain JSON"),
        (
            Request.from_mapping(
                {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image"}]}]}
            ),
            CacheControls(),
            "more than its text",
        ),
        (
            Request.from_mapping({"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]}),
            CacheControls(),
            "more than its text",
        ),
        (Request.from_mapping({"messages": [{"role": "system", "content": "a"}]}), CacheControls(), "no user turn"),
    ],
)
def test_what_is_never_cached_says_why(given: Request, controls: CacheControls, reason: str) -> None:
    found = cache_key(replace(given, cache=controls), READS)
    assert isinstance(found, NotCacheable)
    assert reason in found.reason


def test_tools_that_cannot_be_called_do_not_act() -> None:
    assert key(request(parameters={"tools": [{"function": {"name": "pay"}}], "tool_choice": "none"}))


def test_a_long_text_is_left_to_the_exact_tier() -> None:
    assert key(request("x" * 1_000)).semantic
    assert not key(request("x" * 1_001)).semantic


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, JSON)
def test_parameters_share_a_key_only_when_equal(one: object, other: object) -> None:
    # repr tells True from 1, which plain equality does not
    same = repr(one) == repr(other) or (isinstance(one, dict) and one == other and str(one) == str(other))
    partitions = {key(request(parameters={"x": value, "y": 0})).partition for value in (one, other)}
    assert (len(partitions) == 1) or not same
    if len(partitions) == 1:
        assert one == other
