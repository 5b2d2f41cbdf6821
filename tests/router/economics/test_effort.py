from decimal import Decimal

from router.economics.effort import EffortPlan, blended, choose_efforts

OPTIONS = [
    {"effort": "none", "usd_per_query": 0.001, "p_correct": 0.6},
    {"effort": "low", "usd_per_query": 0.01, "p_correct": 0.7},
    {"effort": "high", "usd_per_query": 0.1, "p_correct": 0.75},
]


def plan(value):
    return EffortPlan.read(
        {"classes": [{"name": "all", "share": 1, "options": OPTIONS}], "usd_per_correct_answer": value}
    )


def test_a_dearer_answer_is_worth_more_effort():
    efforts = [choose_efforts(plan(value))[0].effort for value in (0.05, 0.5, 5)]
    assert efforts == ["none", "low", "high"]


def test_each_step_tells_what_an_extra_correct_answer_costs():
    steps = choose_efforts(plan(0.5))[0].steps
    assert [one.usd_per_extra_correct for one in steps] == [Decimal("0.09"), Decimal("1.8")]
    assert [one.pays for one in steps] == [True, False]


def test_the_blend_weighs_the_classes():
    classes = [{"name": name, "share": share, "options": OPTIONS} for name, share in (("a", 0.75), ("b", 0.25))]
    found = choose_efforts(EffortPlan.read({"classes": classes, "usd_per_correct_answer": 0.5}))
    assert blended(found) == (Decimal("0.01"), Decimal("0.7"))
