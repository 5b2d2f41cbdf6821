import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval import report as writer
from eval.frontier import FrontierReport, ReportNotes
from eval.report import render_html, write_report
from router.labels import LabelMatrix
from router.regret_curve import Regret, RegretCurve

HOSTILE = "<script>alert('$x$')</script>\"&--><svg/onload=1>"


@pytest.fixture(scope="module")
def page(full_report: FrontierReport) -> str:
    return render_html(full_report)


def test_page_needs_nothing_from_elsewhere(page: str) -> None:
    loads = re.findall(r"(?:src|href)=\"(?!#)([^\"]*)\"|url\((?!#)([^)]*)\)|@import", page)
    assert not loads and "<script" not in page and page.count("<svg") == 3


def test_page_is_accessible(page: str) -> None:
    assert page.count('role="img" aria-label="') >= 4 and '<html lang="en">' in page
    assert re.findall(r"<th(?! scope=)[^e]", page) == []


def test_page_says_that_cost_per_correct_needs_a_floor(page: str) -> None:
    assert "without an accuracy floor picks the cheapest route" in page


def test_hostile_names_stay_text(data: LabelMatrix, report_of: Callable[..., FrontierReport]) -> None:
    named = replace(
        data,
        tasks=tuple(HOSTILE if task == "sums" else task for task in data.tasks),
        texts=(HOSTILE,) * data.n,
    )
    notes = ReportNotes(policy=HOSTILE, labels=HOSTILE, command=HOSTILE, remarks=(HOSTILE,))
    html = render_html(report_of(named, notes=notes, picks=np.zeros((data.n, 2), int)))
    assert "<script" not in html and "<svg/onload" not in html and "-->" not in html
    assert "&lt;script&gt;" in html


def test_simulated_labels_and_overlap_are_said_on_the_page(full_report: FrontierReport) -> None:
    html = render_html(replace(full_report, notes=replace(full_report.notes, simulated=True, overlap=7)))
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings and all("simulated" in one for one in headings)
    assert "Every figure on this page is <em>simulated</em>" in html and "<title>Simulated" in html
    assert "7 queries were also in training" in html


def test_folder_holds_html_png_and_strict_json(full_report: FrontierReport, page: str, tmp_path: Path) -> None:
    html = write_report(full_report, tmp_path / "reports" / "demo")
    assert sorted(one.name for one in html.parent.iterdir()) == sorted(writer.FILES)
    assert html.read_text(encoding="utf-8") == page, "the same report gives the same page"
    assert (html.parent / "frontier.png").read_bytes().startswith(b"\x89PNG")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    held = json.loads((html.parent / "frontier.json").read_text(), parse_constant=refuse)
    assert held["headline"]["sentence"] == full_report.headline.sentence
    assert [one.name for one in html.parent.parent.iterdir()] == ["demo"]


def test_a_failure_leaves_the_old_report_and_no_rubble(
    full_report: FrontierReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "frontier.html").write_text("old")

    def interrupted(report: FrontierReport) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "render_html", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(full_report, tmp_path / "demo")
    assert [one.name for one in tmp_path.rglob("*")] == ["demo", "frontier.html"]
    assert (tmp_path / "demo" / "frontier.html").read_text() == "old"


def test_what_labels_of_a_new_model_are_worth_is_shown_where_it_was_measured(
    full_report: FrontierReport, page: str
) -> None:
    rows = (Regret(0, 0.0125, -0.01, 0.03, 0.5, 0.61), Regret(200, -0.002, -0.008, 0.004, 0.6, 0.61))
    shown = render_html(replace(full_report, regret=RegretCurve("<gpt-9>|none", "labels.parquet", 182, 0, rows)))
    assert "What labels of a new model are worth" in shown and "What labels of a new model are worth" not in page
    assert "+12.5" in shown and "&lt;gpt-9&gt;|none was hidden" in shown
