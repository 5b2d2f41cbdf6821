import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from router.economics.chapters import CHAPTERS, make_plan, plan_scenario
from router.economics.scenarios import FOLDER, example
from router.errors import InputError


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_the_documented_scenario_of_every_chapter_is_answered(chapter):
    given = example(chapter)
    assert given["chapter"] == chapter
    plan = plan_scenario(given, {})
    assert plan.chapter == chapter
    assert plan.answer.endswith(".")
    assert plan.figures
    assert json.dumps(plan.to_json(), allow_nan=False)


def test_every_scenario_file_belongs_to_a_chapter():
    assert {one.stem for one in FOLDER.glob("*.toml")} == set(CHAPTERS)


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_an_unknown_field_is_refused_everywhere(chapter):
    given = {**example(chapter), "surprise": 1}
    with pytest.raises(InputError) as caught:
        plan_scenario(given, {})
    assert caught.value.field == "surprise"


def numbers(given: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every number in a scenario."""
    inside = given.items() if isinstance(given, dict) else enumerate(given) if isinstance(given, list) else ()
    for key, value in inside:
        yield from numbers(value, (*path, key))
    if isinstance(given, (int, Decimal)) and not isinstance(given, bool):
        yield path


def changed(given: Any, path: tuple[Any, ...], value: Any) -> Any:
    copied = deepcopy(given)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
@pytest.mark.parametrize("value", [0, Decimal("1e-9"), 10**9, Decimal("NaN")])
def test_any_number_gives_a_plan_or_a_refusal(chapter, value):
    given = example(chapter)
    for path in numbers(given):
        try:
            plan = plan_scenario(changed(given, path, value), {})
        except InputError as error:
            assert error.field and error.cure
        else:
            assert json.dumps(plan.to_json(), allow_nan=False)


def test_a_machine_for_nothing_and_a_model_for_nothing():
    machine = {"name": "node", "usd_per_hour": 0, "output_tokens_per_second": 3000}
    assert make_plan("hosting", {"machines": [machine], "hosted": "together/llama-3.3-70b"}).answer
    with pytest.raises(InputError, match="costs nothing"):
        make_plan("hosting", {"machines": [machine], "hosted": "google/gemini-nano"})


def test_an_unknown_chapter_names_its_neighbours():
    with pytest.raises(InputError, match="caching"):
        make_plan("cachign", {})


def test_measured_numbers_need_a_log():
    given = example("request")
    given["request"]["call"]["input_tokens"] = "measured"
    with pytest.raises(InputError, match="no log"):
        plan_scenario(given, {})


def test_nothing_to_plan_is_said():
    for chapter, field in (("routing", "mix"), ("commercial", "commitment")):
        with pytest.raises(InputError) as caught:
            make_plan(chapter, {})
        assert caught.value.field == field


def test_the_best_machine_is_weighed_against_the_hosted_price():
    plan = make_plan(
        "hosting",
        {
            "machines": [{"name": "node", "usd_per_hour": 20, "output_tokens_per_second": 3000}],
            "hosted": {"usd_per_million_input_tokens": 1, "usd_per_million_output_tokens": 1},
        },
    )
    even = next(one for one in plan.figures if one.name == "break-even" and one.unit == "tokens a day")
    assert even.value == pytest.approx(20 * 24 * 10**6)  # a day's rent at a dollar per million
