import pandas as pd
import pytest

from router.errors import LabelSetError
from router.label_checks import check_table


def rows(**changes):
    table = {
        "query_id": ["a", "a", "b", "c"],
        "prompt": ["one", "one", "two", "three"],
        "model": ["m", "n", "m", "n"],
        "effort": ["none", "low", "none", "low"],
        "correct": [1.0, 0.0, 0.5, 1.0],
    }
    return pd.DataFrame(table | changes)


@pytest.mark.parametrize(
    ("column", "values", "row"),
    [
        ("correct", [1, float("nan"), 0, 1], 2),
        ("correct", [1, 0, 0, 1.5], 4),
        ("correct", [1, 0, -0.5, 1], 3),
        ("correct", [1, 0, "yes", 1], 3),
        ("prompt", ["one", "one", "", "three"], 3),
        ("prompt", ["one", "one", 7, "three"], 3),
        ("prompt", ["one", "uno", "two", "three"], 2),
        ("model", ["m", None, "m", "n"], 2),
        ("effort", ["none", "low", "none", " "], 4),
        ("cost_usd", [0.1, -0.1, 0, 0], 2),
        ("output_tokens", [1, 2, float("inf"), 4], 3),
        ("query_id", ["a", "a", None, "c"], 3),
        ("split", ["train", "test", "test", "test"], 2),
    ],
)
def test_a_bad_cell_is_named_by_row_column_value_and_cure(column, values, row):
    with pytest.raises(LabelSetError) as caught:
        check_table(rows(**{column: values}), "labels")
    problem = caught.value.problems[0]
    assert (problem.row, problem.field) == (row, column) and problem.cure
    assert f"row {row}, column {column}" in str(caught.value)


def test_a_missing_column_is_named():
    with pytest.raises(LabelSetError, match="correct: column missing"):
        check_table(rows().drop(columns="correct"), "labels")


def test_a_column_that_nobody_reads_is_told():
    table, notes = check_table(rows(colour="red"), "labels")
    assert notes == ["columns not used: colour"] and list(table["text"]) == ["one", "one", "two", "three"]
