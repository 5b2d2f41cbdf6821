from decimal import Decimal

import numpy as np
import pytest

from router.errors import InputError, listed, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(Decimal("0.001"), "0.001"), (np.float64("nan"), "nan"), (np.int64(-1), "-1"), ("0.8", "'0.8'")],
)
def test_a_value_is_shown_as_it_was_written(value, text):
    assert shown(value) == text


def test_where_no_value_was_given_none_is_shown():
    assert str(InputError("candidate", None, "there is none", "Name one.")) == "candidate: there is none. Name one."


def test_a_long_value_is_cut_and_its_length_told():
    assert shown("x" * 500).endswith("… (502 characters)") and len(shown("x" * 500)) < 110


def test_a_wrong_value_names_row_column_value_and_cure():
    told = str(InputError("correct", np.float64(2.0), "not usable", "Give a number from 0 to 1.", row=10))
    assert told == "row 10, column correct: not usable (got 2.0). Give a number from 0 to 1."


def test_a_list_says_how_much_it_leaves_out():
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more" and listed([]) == "none"
