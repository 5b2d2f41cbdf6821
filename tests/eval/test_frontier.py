import json
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from eval.frontier import FrontierReport, implied_value
from eval.references import TrainingLabels
from eval.report import render_html
from eval.sweeps import sweep_of_picks
from router.errors import InputError
from router.labels import LabelMatrix, build_labels

Build = Callable[..., FrontierReport]


def tiny(correct: list[list[float]], costs: tuple[float, ...] = (0.001, 0.01)) -> LabelMatrix:
    rows = [
        (f"q{i}", f"text {i}", f"m{j}", right, costs[j])
        for i, row in enumerate(correct)
        for j, right in enumerate(row)
        if not np.isnan(right)
    ]
    return build_labels(pd.DataFrame(rows, columns=["query_id", "prompt", "model", "correct", "cost_usd"]))


def test_report_holds_every_reference(full_report: FrontierReport) -> None:
    assert [one.name for one in full_report.policies] == ["router", "mix", "task_mean", "knn", "linear", "oracle"]
    assert {one.name for one in full_report.curves} >= {"cheapest", "strongest", "random", "oracle"}
    assert full_report.calibration[0].name == "all routes"
    assert full_report.trained_on == 160 and full_report.chosen_point.point == 6


def test_row_order_changes_no_figure(data: LabelMatrix, report_of: Build) -> None:
    picks = np.random.default_rng(0).integers(0, 3, (data.n, 4))
    order = np.random.default_rng(1).permutation(data.n)
    p = np.random.default_rng(2).random((data.n, 3))
    one = report_of(data, picks, p=p)
    other = report_of(data.subset(order), picks[order], p=p[order])
    assert one.policies == other.policies and one.headline == other.headline and one.slices == other.slices


def test_partly_labelled_queries_are_left_out_and_counted(data: LabelMatrix, report_of: Build) -> None:
    correct = data.correct.copy()
    correct[3, 1] = np.nan
    sparse = LabelMatrix(**{**vars(data), "correct": correct})
    report = report_of(sparse)
    assert (report.n, report.left_out) == (data.n - 1, 1)


def test_no_fully_labelled_query_is_an_error(report_of: Build) -> None:
    holey = tiny([[1, np.nan], [np.nan, 0]])
    with pytest.raises(InputError, match="labelled on all 2 routes"):
        report_of(holey, np.zeros((2, 1), int))


def test_queries_that_were_also_in_training_are_counted(data: LabelMatrix, report_of: Build) -> None:
    half = data.subset(np.arange(40))
    report = report_of(data, train=TrainingLabels(half, half.cost_usd))
    assert report.notes.overlap == 40


def test_unpriced_routes_are_named(data: LabelMatrix, report_of: Build) -> None:
    costs = data.cost_usd.copy()
    costs[:, 1] = np.nan
    with pytest.raises(InputError, match=r"middle\|none"):
        report_of(data, costs=costs)


def test_unknown_operating_point_is_refused(data: LabelMatrix, report_of: Build) -> None:
    with pytest.raises(InputError, match="not an operating point"):
        report_of(data, chosen=99)


@pytest.mark.parametrize(
    ("correct", "costs"),
    [
        ([[1.0], [0.0], [1.0]], (0.01,)),
        ([[1.0, 0.0]], (0.001, 0.01)),
        ([[1.0, 1.0]] * 6, (0.001, 0.01)),
        ([[0.0, 0.0]] * 6, (0.001, 0.01)),
        ([[0.0, 1.0]] * 6, (0.0, 0.01)),
        ([[0.0, 1.0]] * 6, (0.0, 0.0)),
        ([[0.5, 1.0], [0.0, 0.25]] * 3, (0.01, 0.01)),
    ],
    ids=["one route", "one query", "all right", "all wrong", "a free route", "all free", "equal prices, graded"],
)
def test_degenerate_sets_give_a_report_in_strict_json(correct: list, costs: tuple, report_of: Build) -> None:
    data = tiny(correct, costs)
    picks = np.tile(np.arange(len(data.routes)), (data.n, 1))
    report = report_of(data, picks, replicates=20)
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["n"] == data.n


@pytest.mark.parametrize("correct", [[[0.0, 0.0]], [[1.0], [0.0]]], ids=["one query, all wrong", "one route"])
def test_degenerate_sets_can_be_shown(correct: list, report_of: Build) -> None:
    data = tiny(correct, (0.0, 0.01))
    html = render_html(report_of(data, np.zeros((data.n, 1), int), replicates=20))
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", html)


def test_without_estimates_there_is_no_calibration_and_no_difficulty(data: LabelMatrix, report_of: Build) -> None:
    report = report_of(data, p=None)
    assert report.calibration == () and {one.kind for one in report.slices} == {"task"}


def test_implied_value_lies_between_the_slopes_around_the_point() -> None:
    usd, right = np.tile([1.0, 2.0, 6.0], (4, 1)), np.tile([0.2, 0.6, 0.8], (4, 1))
    sweep = sweep_of_picks("r", "R", np.tile([0, 1, 2], (4, 1)), right, usd)
    assert 2.5 < implied_value(sweep, 1) < 20 and implied_value(sweep, 2) == pytest.approx(20)
