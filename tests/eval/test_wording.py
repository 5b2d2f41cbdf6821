import pytest

from eval.bootstrap import Estimate
from eval.wording import dollars, figure, interval, per_cent, points


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0.00061, "$0.61"),
        (0.0000237, "$0.024"),
        (0.00001, "$0.010"),
        (0.0000024, "$0.0024"),
        (12.3, "$12,300"),
        (-0.00049, "−$0.49"),
        (0.0, "$0"),
        (-3.7e-19, "$0"),
        (None, "–"),
    ],
)
def test_dollars_per_thousand(usd: float | None, shown: str) -> None:
    assert dollars(usd, 1000) == shown


def test_shares_points_and_intervals() -> None:
    assert per_cent(0.791) == "79.1\u202f%" and per_cent(None) == "–"
    assert points(-0.012) == "−1.2" and points(-0.012, signed=False) == "1.2"
    assert interval(Estimate(0.0, -0.008, 0.014)) == "−0.8 to +1.4" and interval(Estimate(0.0)) == "no interval"
    assert figure(-0.0000001) == "0.000"
