from decimal import Decimal

import pytest

from eval.worked.row import Row, as_printed, make_row

D = Decimal


def row(guide, ours, **more):
    return Row("1.01", "", "", "", guide, ours, "", "", **more)


@pytest.mark.parametrize(
    ("guide", "ours", "agreement"),
    [
        (("0.009",), (D("0.0091"),), "agrees"),  # the guide prints three decimals
        (("0.0090",), (D("0.0091"),), "close"),
        (("100",), (D("105"),), "close"),
        (("100",), (D("105.01"),), "differs"),
        (("1", "2"), (D("1.04"), D("2.2")), "agrees"),
        (("10", "20"), (D("10.4"), D("25")), "differs"),
        (("10", "20"), (D("15"),), "differs"),
        (("-16",), (D("-13.8"),), "differs"),
    ],
)
def test_agreement_is_by_the_printed_digits(guide, ours, agreement):
    assert row(guide, ours).agreement == agreement


def test_a_bound_holds_what_lies_in_it():
    assert row(("0", "5"), (D("2.9"),), bound=True).agreement == "agrees"
    assert row(("30",), (D(16), D(40)), bound=True).agreement == "agrees"
    assert row(("0", "5"), (D("5.4"),), bound=True).agreement == "differs"


def test_halves_are_rounded_up():
    assert as_printed(D("0.0285"), "0.029") == D("0.029")


def test_a_line_of_the_file_becomes_a_row():
    given = {"what": "a", "inputs": "b", "printed": "$1", "guide": "1", "unit": "USD", "how": "c"}
    assert make_row("12.03", given, D(1)).chapter == 12
