import pytest

from router.errors import InputError
from router.routes import Route, effort_rank


def test_a_route_survives_its_key():
    route = Route("mistralai/Mixtral-8x7B", "low")
    assert Route.parse(route.key) == route


def test_a_model_alone_has_the_default_effort():
    assert Route.parse("gpt-4o") == Route("gpt-4o", "default")


@pytest.mark.parametrize("key", ["", "|", "gpt-4o|", "|low", "a\nb|low", "x" * 300])
def test_what_is_not_a_route_is_refused_with_its_value(key):
    with pytest.raises(InputError, match=r"model\|effort"):
        Route.parse(key)


def test_efforts_and_budgets_share_one_order():
    ranks = [effort_rank(e) for e in ("none", "minimal", "low", "medium", "high", "xhigh", "max")]
    assert ranks == sorted(ranks)
    assert effort_rank("low") < effort_rank("budget:8000") <= effort_rank("high")
    assert effort_rank("0") == 0.0


def test_an_effort_outside_the_order_has_no_rank():
    assert effort_rank("cot") is None
