from decimal import Decimal

import pytest

from router.economics.methods import MethodPlan, break_even_calls, compare_methods, embedding_usd
from router.errors import InputError

D = Decimal
PROMPTING = {"name": "prompting", "usd_per_million_input_tokens": 3, "input_tokens": 1000}
TUNED = {
    "name": "tuned",
    "usd_per_million_input_tokens": 1,
    "input_tokens": 1000,
    "setup_usd": 5000,
    "usd_per_month": 10,
}


def plan(calls):
    return MethodPlan.read({"methods": [PROMPTING, TUNED], "calls_per_month": calls, "months": 12})


def test_the_break_even_is_where_the_cheaper_method_changes():
    by_name = {one.name: one for one in compare_methods(plan(1000))}
    even = by_name["tuned"].break_even_calls
    assert even == D(5120) / D("0.002")
    below, above = int(even / 12) - 1, int(even / 12) + 1
    assert compare_methods(plan(below))[0].name == "prompting"
    assert compare_methods(plan(above))[0].name == "tuned"


def test_nothing_saved_never_pays():
    with pytest.raises(InputError, match="never pays"):
        break_even_calls(D(5000), D(0))


def test_a_corpus_is_embedded_by_its_tokens():
    assert embedding_usd(10**6, 500, D("0.02")) == 10
