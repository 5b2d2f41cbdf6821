"""Every worked figure of the guide is a row, every row is computed, and no difference goes unexplained."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from eval.worked.examples import FILE, Row, all_figures, all_rows
from eval.worked.page import CHAPTERS, summarise, worked_html, worked_markdown

SEED = Path(__file__).parents[4] / "shared" / "seed" / "inference-cost-economics.txt"
PAGE = FILE.with_suffix(".md")


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    return all_rows()


def test_no_row_is_skipped(rows):
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert [one.key for one in rows] == list(told)
    assert set(all_figures()) == set(told)
    assert {one.chapter for one in rows} == set(CHAPTERS)


def test_every_difference_says_who_is_right_and_why(rows):
    for one in rows:
        assert one.agreement == "agrees" or (one.why and one.right), one.key


def test_ours_never_erred(rows):
    """A row in which the guide is right and we are not is a bug of a calculator."""
    assert not [one.key for one in rows if one.right == "guide"]


def test_the_file_keeps_no_figure_of_ours():
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    allowed = {"what", "inputs", "printed", "guide", "unit", "how", "right", "why", "bound"}
    assert all(set(given) <= allowed for given in told.values())


@pytest.mark.skipif(not SEED.is_file(), reason="the guide is not beside the project")
def test_the_guides_figures_are_as_the_guide_prints_them(rows):
    guide = " ".join(SEED.read_text(encoding="utf-8").split())
    assert not [one.key for one in rows if one.printed not in guide]


def test_the_guides_number_is_in_what_it_prints(rows):
    """Digits of `guide` come from `printed`, up to thousands and zeros."""
    elsewhere = {"9.03", "18.10", "24.02"}  # in words: doubles, five times, the same
    scaled = {"36.11"}  # printed as $500k, kept as 0.5 million
    for one in rows:
        if one.key in elsewhere | scaled or one.bound:
            continue
        digits = one.printed.replace(",", "")
        for end in one.guide:
            bare = end.lstrip("-").rstrip("0").rstrip(".") if "." in end else end.lstrip("-").rstrip("0")
            assert (bare or "0") in digits, (one.key, one.printed, end)


def test_known_errors_of_the_guide_are_found(rows):
    by_key = {one.key: one for one in rows}
    for key in ("7.01", "8.04", "15.09", "19.14", "21.05", "24.22", "29.17", "35.10", "38.12"):
        assert (by_key[key].agreement, by_key[key].right) == ("differs", "ours"), key


def test_known_good_examples_agree(rows):
    by_key = {one.key: one for one in rows}
    for key in ("1.01", "8.03", "12.01", "18.02", "19.03", "20.08", "32.01", "34.01", "37.02", "38.06"):
        assert by_key[key].agreement == "agrees", key


def test_the_page_in_the_project_is_what_the_command_writes(rows):
    """Refresh it with python -m eval worked-examples --markdown eval/worked/examples.md."""
    assert PAGE.read_text(encoding="utf-8") == worked_markdown(rows) + "\n"


def test_the_pages_hold_every_row(rows):
    html, markdown = worked_html(rows), worked_markdown(rows)
    for one in rows:
        assert f'id="r{one.key}"' in html
        assert f"| {one.key} |" in markdown
    found = summarise(rows)
    assert found.agrees + found.close + found.differs == len(rows) >= 60


def test_figures_are_exact_decimals():
    for figure in all_figures().values():
        for one in figure if isinstance(figure, tuple) else (figure,):
            assert isinstance(one, Decimal) and one.is_finite()
