"""Writes a comparison: one HTML page that opens offline, a PNG and strict JSON. Computes no figure itself."""

import json
import math
from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from eval.compare import Comparison
from eval.drawing import INKS, drawn, png, svg
from eval.plan_page import page_environment, write_page
from eval.wording import dollars, interval, per_cent, points
from router.gate.verdict import Check, sentence

NAME = "comparison"
BADGES = {"promote": "good", "keep watching": "tie", "reject": "no"}
_INK = {"shown": "knn", "open": "task_mean", "broken": "bad", "watched": "mix"}
TITLES = {"quality": "correct answers, difference in points", "price": "USD per correct answer, difference in %"}


def write_comparison(found: Comparison, folder: Path) -> Path:
    """Write all three files and return the page's path; each is whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{NAME}.png"
    draft = picture.with_name(f".{picture.name}.tmp")
    draft.write_bytes(png(figure_of(found)))
    draft.replace(picture)
    write_page(json.dumps(found.to_json(), allow_nan=False, ensure_ascii=False, indent=1), folder / f"{NAME}.json")
    page = folder / f"{NAME}.html"
    write_page(html_of(found), page)
    return page


def html_of(found: Comparison) -> str:
    environment = page_environment()
    filters = {"dollars": dollars, "per_cent": per_cent, "points": points, "interval": interval, "sentence": sentence}
    environment.filters |= filters | {"ratio": _ratio}
    pictures = [Markup(svg(figure_of(found), _alt(found)))]
    return environment.get_template("comparison.html").render(c=found, badge=BADGES, pictures=pictures)


def _alt(found: Comparison) -> str:
    what = f"{found.verdict.decision}: differences of {found.candidate} from {found.incumbent}"
    return f"{what}; the tables have all figures"


def _ratio(log_ratio: float | None) -> str:
    """A log ratio of prices in per cent."""
    return "–" if log_ratio is None else f"{100 * math.expm1(log_ratio):+.1f} %".replace("-", "−")


def figure_of(found: Comparison) -> Figure:
    """Frontier over frontier where there are labels, and every paired difference with its interval."""
    rows = len(found.verdict.checks) // 2
    mark = " (simulated)" if found.simulated else ""

    def draw(figure: Figure) -> None:
        title = f"{found.verdict.decision}: {found.candidate} in place of {found.incumbent}{mark}"
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
        if found.curves:
            top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.4, 0.9 + 0.32 * rows])[:, 0]
            _frontiers(top.subplots(), found)
        else:
            bottom = figure.subfigures(1, 1, squeeze=False)[0, 0]
        left, right = bottom.subplots(1, 2, sharey=True)
        for ax, question in ((left, "quality"), (right, "price")):
            _differences(ax, [one for one in found.verdict.checks if one.question == question])

    return drawn(10.4, 1.9 + 0.32 * rows + (3.6 if found.curves else 0), draw)


def _frontiers(ax: Axes, found: Comparison) -> None:
    for one, ink in zip(found.curves, ("mix", "router")):
        ax.plot([1000 * x for x in one.usd], one.accuracy, "o-", ms=3, lw=1.8, color=INKS[ink], label=one.label)
    for (name, usd, right), ink in zip(found.points, ("mix", "chosen")):
        ax.plot([1000 * usd], [right], "*", ms=15, color=INKS[ink], mec=INKS["paper"], label=f"{name}, as served")
    if min(x for one in found.curves for x in one.usd) > 0:
        ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"${x:,g}"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
    ax.set_xlabel("USD per 1,000 requests")
    ax.set_ylabel("correct answers")
    ax.grid(True, color=INKS["grid"], lw=0.8)
    ax.legend(fontsize=8.4, loc="lower right")


def _differences(ax: Axes, checks: list[Check]) -> None:
    """A row per slice; a dashed line where the bound is."""
    for i, one in enumerate(checks):
        found = one.difference
        if found.value is None or found.low is None or found.high is None:
            ax.text(0, i, "too few differ", ha="center", va="center", fontsize=8, color=INKS["muted"])
            continue
        value, low, high = (_shown(one, x) for x in (found.value, found.low, found.high))
        ax.plot([low, high], [i, i], lw=2.2, color=INKS[_INK[one.status]], alpha=0.6)
        ax.plot([value], [i], "o", ms=5, color=INKS[_INK[one.status]])
        if one.bound is not None:
            ax.plot([_shown(one, one.bound)] * 2, [i - 0.4, i + 0.4], "--", lw=1.2, color=INKS["ink"])
    _clip(ax, checks[0].question)
    ax.axvline(0, color=INKS["muted"], lw=0.8)
    ax.set_yticks(range(len(checks)), [f"{one.slice} ({one.share:.0%})" for one in checks], color=INKS["ink"])
    ax.set_ylim(len(checks) - 0.4, -0.6)
    ax.set_xlabel(TITLES[checks[0].question], fontsize=8.6)
    ax.grid(True, axis="x", color=INKS["grid"], lw=0.7)


def _clip(ax: Axes, question: str) -> None:
    """A slice that says next to nothing must not squeeze the others."""
    most = 25.0 if question == "quality" else 100.0
    low, high = ax.get_xlim()
    ax.set_xlim(max(low, -most), min(high, most))


def _shown(check: Check, value: float) -> float:
    return 100 * value if check.question == "quality" else 100 * math.expm1(min(value, 3.0))
