"""Names, units and labels that Prometheus can live with."""

import re

from router.events import EncoderFailed, PolicyRefused, PolicySwapped, Reported, ReportFailed
from service.metrics import Metrics

UNITS = ("_total", "_seconds", "_info", "_waiting", "_records")


def test_every_name_has_the_prefix_and_a_unit() -> None:
    metrics = Metrics()
    metrics.watch(lambda: 1.0, lambda: 2.0)
    names = re.findall(r"^# TYPE (\S+) ", metrics.render().decode(), re.M)
    names = [name for name in names if not name.endswith("_created")]
    assert len(names) > 10
    assert all(name.startswith("tierwise_") and name.endswith(UNITS) for name in names)


def test_every_cause_is_there_from_the_start() -> None:
    text = Metrics().render().decode()
    for cause in ("no-policy", "policy-error", "encoder-error", "encoder-timeout", "price-error", "overload"):
        assert f'tierwise_fallbacks_total{{cause="{cause}"}} 0.0' in text


def test_events_are_counted(tmp_path) -> None:
    metrics = Metrics()
    for event in (
        PolicySwapped("v1", None),
        PolicySwapped("v2", None),
        PolicyRefused(tmp_path, "damaged"),
        EncoderFailed("no weights"),
        Reported(False, False, 0.25),
        Reported(False, True, -0.1),
        Reported(True, False, 0.0),
        ReportFailed("store-timeout"),
    ):
        metrics(event)
    value = metrics.registry.get_sample_value
    assert value("tierwise_policy_swaps_total", {"result": "swapped"}) == 2
    assert value("tierwise_policy_swaps_total", {"result": "refused"}) == 1
    assert value("tierwise_encoder_load_failures_total") == 1
    assert value("tierwise_billed_usd_total") == 0.25
    # only the policy that decides is told, so that a hundred promotions are still one series
    assert value("tierwise_policy_info", {"version": "v1"}) is None
    assert value("tierwise_policy_info", {"version": "v2"}) == 1
    kinds = ("recorded", "conflicting", "repeated", "store-timeout")
    assert [value("tierwise_outcome_reports_total", {"result": kind}) for kind in kinds] == [1, 1, 1, 1]


def test_two_registries_do_not_meet() -> None:
    one, two = Metrics(), Metrics()
    one.answered("/route", 200, 0.01)
    assert 'path="/route"' in one.render().decode()
    assert 'path="/route"' not in two.render().decode()
