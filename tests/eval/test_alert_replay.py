"""A replay cries where a runaway was planted and nowhere else."""

import numpy as np

from eval.alert_replay import Rates, plant_runaways, quiet_days
from router.spend.series import DAY


def rates(days: int = 4) -> Rates:
    level = np.array([8.0, 1.5, 0.5])
    noise = np.random.default_rng(0).gamma(200.0, 1 / 200.0, (days * DAY, 3))
    return Rates(("a", "b", "c"), level * noise)


def test_steady_clients_are_quiet() -> None:
    assert quiet_days(rates()) == []


def test_a_burst_is_cried_once() -> None:
    made = rates()
    made.usd[3 * DAY : 3 * DAY + 20, 2] = 50.0
    [cried] = [one for one in quiet_days(made) if one.rule == "tenant-spend"]
    assert (cried.subject, round(cried.day)) == ("c", 3)


def test_runaways_that_matter_are_found_in_minutes() -> None:
    found = plant_runaways(rates(), 1.0, 10)
    assert None not in found and np.median(found) <= 10
    assert plant_runaways(rates(), 0.05, 3) == [None, None, None]
