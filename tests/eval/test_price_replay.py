from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from eval.price_replay import flip_lines, flipped, other_prices, repriced
from router.errors import InputError
from router.policy import Policy

AT = datetime(2026, 3, 1, tzinfo=UTC)


def estimates(policy: Policy, n: int = 3):
    return policy.estimate(["What is 2 + 2?"] * n, np.ones((n, 64), np.float32), [None] * n, np.full(n, 40))


def test_a_dearer_route_loses_its_decisions(tiny_policy: Policy, tmp_path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[routes."gpt-4o"]\nusd_per_query = 0.9\n')
    other = other_prices(tiny_policy, str(file), AT)
    (flip,) = flipped(tiny_policy, other, estimates(tiny_policy), AT)
    assert (flip.before, flip.after, flip.queries) == ("gpt-4o|none", "gpt-4o-mini|none", 3)
    assert flip.usd_kept > flip.usd_moved
    assert flip_lines([flip], 3, "x")[0] == "Under x: 3 of 3 decisions flip (100.0%)."


def test_the_same_prices_flip_nothing(tiny_policy: Policy) -> None:
    other = other_prices(tiny_policy, "at=2026-03-01", AT)
    assert other.at.year == 2026 and flipped(tiny_policy, other, estimates(tiny_policy), AT) == []


def test_the_policy_itself_keeps_its_prices(tiny_policy: Policy) -> None:
    before = tiny_policy.usd(estimates(tiny_policy), AT)
    repriced(tiny_policy, {"gpt-4o": {"usd_per_query": Decimal(1)}})
    assert np.array_equal(tiny_policy.usd(estimates(tiny_policy), AT), before)


def test_prices_of_an_unknown_route_are_refused(tiny_policy: Policy) -> None:
    with pytest.raises(InputError, match="gpt-9"):
        repriced(tiny_policy, {"gpt-9": {"usd_per_query": Decimal(1)}})
