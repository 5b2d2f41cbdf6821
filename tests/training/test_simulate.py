import pytest

from router.errors import InputError
from router.labels import build_labels
from training.simulate import simulate


def test_a_simulated_set_is_a_label_set_of_the_known_shape():
    table = simulate(300, seed=1)
    data = build_labels(table.copy())
    assert data.n == 300 and len(data.routes) == 11 and data.has_part("test")
    mean = table.groupby(["model", "effort"])["correct"].mean()
    assert mean["gpt-4.1-nano", "none"] < mean["gpt-5", "high"]
    assert table["cost_usd"].gt(0).all()


def test_effort_pays_where_thinking_helps_and_hardly_elsewhere():
    table = simulate(800, seed=2)
    rate = table[table["model"] == "gpt-5-mini"].groupby(["task", "effort"])["correct"].mean()
    assert rate["logic", "high"] - rate["logic", "minimal"] > 0.1
    assert abs(rate["sentiment", "high"] - rate["sentiment", "minimal"]) < 0.05


def test_the_seed_decides():
    assert simulate(20, 3).equals(simulate(20, 3)) and not simulate(20, 3).equals(simulate(20, 4))


@pytest.mark.parametrize("queries", [0, -1, 10**7])
def test_a_wrong_number_of_queries_is_refused(queries):
    with pytest.raises(InputError, match="queries"):
        simulate(queries)
