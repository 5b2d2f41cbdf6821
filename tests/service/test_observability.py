"""The dashboard and the alerting rules speak of metrics and labels that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.metrics import Metrics

FOLDER = Path(__file__).parents[2] / "service" / "observability"
WORDS = {"sum", "rate", "by", "increase", "histogram_quantile", "offset", "le"}


def expressions() -> Iterator[tuple[str, str]]:
    for panel in json.loads((FOLDER / "grafana.json").read_text())["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Every sample name with its labels, as /metrics shows them before any traffic."""
    metrics = Metrics()
    metrics.watch(lambda: 0.0, lambda: 0.0)
    metrics.watch_away({"store": lambda: False})
    metrics.watch_registry(lambda: False)
    metrics.decisions.labels("route", "economy")
    metrics.crossings.labels("b")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("title, expression", [pytest.param(*one, id=one[0]) for one in expressions()])
def test_an_expression_names_metrics_and_labels_that_exist(
    known: dict[str, set[str]], title: str, expression: str
) -> None:
    names = set(re.findall(r"tierwise_\w+", expression))
    assert names and names <= known.keys()
    labels = set(re.findall(r"[{,]\s*(\w+)\s*=", expression))
    for inside in re.findall(r"by \(([^)]*)\)", expression):
        labels |= {label.strip() for label in inside.split(",")}
    assert labels <= set.union(*(known[name] for name in names))
    assert expression.count("(") == expression.count(")")
    words = set(re.findall(r"(?<![\w{$\"])([a-z_]+)\s*\(", expression)) - names
    assert words <= WORDS


def test_every_rule_says_what_is_wrong_and_how_loud() -> None:
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "ticket")


def test_metric_names_carry_units_and_no_label_is_unbounded(known: dict[str, set[str]]) -> None:
    bounded = {
        "action",
        "tier",
        "cause",
        "result",
        "stage",
        "path",
        "status",
        "le",
        "version",
        "budget",
        "rule",
        "step",
    }
    assert set.union(*known.values()) <= bounded | {"webhook", "source", "part"}
    assert all(
        re.search(r"_(total|created|seconds|bucket|sum|count|info|waiting|records|away|lags)$", name) for name in known
    )
