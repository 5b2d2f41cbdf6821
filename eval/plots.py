"""The frontier report's pictures, drawn from its data: frontier, reliability, slices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from eval.calibration import Calibration
from eval.drawing import INKS, Titles, drawn
from eval.frontier import FrontierReport
from eval.label_layout import Label, place_labels
from eval.metrics import upper_hulls
from eval.operating import Curve
from eval.slices import Slice
from eval.wording import dollars, per_cent

_STYLES: Mapping[str, tuple[str, str]] = {
    "mix": ("--", "mix"),
    "task_mean": ("-", "task_mean"),
    "knn": ("-", "knn"),
    "linear": ("-", "linear"),
    "oracle": (":", "oracle"),
}
_HINDSIGHT = {"mix": " (in hindsight)", "oracle": " (knows the outcomes)"}
_MARKS = {None: "s", "cheapest": "v", "strongest": "^"}
_INK_MARK: dict[str, Any] = {"color": INKS["ink"], "mec": INKS["paper"], "mew": 0.6, "lw": 0}
_SLICE_KEY = (
    ("o", "router", "router, 95 % interval"),
    ("D", "task_mean", "best simple rival"),
    ("|", "oracle", "oracle"),
)
_MOST_LABELS = 14


def _simulated(title: str, report: FrontierReport) -> str:
    return f"{title} (simulated labels)" if report.notes.simulated else title


def frontier_figure(report: FrontierReport) -> tuple[Figure, Titles]:
    titles: Titles = {}

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.set_title(_simulated("Accuracy against spend on held-out requests", report), loc="left", weight="bold")
        _money_axis(ax, report)
        avoid = [_draw_references(ax, report), _draw_router(ax, report, titles)]
        labels = _draw_singles(ax, report, titles)
        avoid.append(np.array([(1000 * one.usd, one.accuracy.value) for one in report.singles]))
        _limits(ax, report)
        figure.legend(loc="outside lower center", fontsize=8.4, ncols=4)
        # labels are placed on the final layout, so it must not move again
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        avoid.append(_around_star(ax, report))
        place_labels(ax, labels, np.vstack(avoid), fontsize=8.2)

    return drawn(10.4, 5.9, draw), titles


def _money_axis(ax: Axes, report: FrontierReport) -> None:
    """USD per 1,000 requests, evenly by ratio; evenly by difference where something is free."""
    if min(x for curve in report.curves for x in curve.usd) > 0:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"${x:,g}"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
    ax.set_xlabel("USD per 1,000 requests" + (", logarithmic" if ax.get_xscale() == "log" else ""))
    ax.set_ylabel("correct answers")
    ax.grid(True, which="major", color=INKS["grid"], lw=0.8)
    ax.set_axisbelow(True)


def _draw_references(ax: Axes, report: FrontierReport) -> np.ndarray:
    seen = []
    for curve in report.curves:
        if curve.name not in _STYLES:
            continue
        line, ink = _STYLES[curve.name]
        reached = _samples(ax, *_hull_line(curve))
        label = curve.label + _HINDSIGHT.get(curve.name, "")
        ax.plot(*reached.T, line, color=INKS[ink], lw=1.4, label=label, zorder=3)
        seen.append(reached)
    random = next(curve for curve in report.curves if curve.name == "random")
    x, y = 1000 * random.usd[0], random.accuracy[0]
    ax.plot([x], [y], "x", color=INKS["muted"], ms=7, mew=1.6, label="Random route", zorder=4)
    return np.vstack([*seen, [[x, y]]])


def _hull_line(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """A curve as what can be reached by mixing its points."""
    hull = upper_hulls(np.array([curve.usd]), np.array([curve.accuracy]))
    return 1000 * hull.usd[0], hull.accuracy[0]


def _samples(ax: Axes, x: np.ndarray, y: np.ndarray, count: int = 120) -> np.ndarray:
    log = ax.get_xscale() == "log"
    grid = np.geomspace(x[0], x[-1], count) if log else np.linspace(x[0], x[-1], count)
    return np.column_stack([grid, np.interp(grid, x, y)])


def _draw_router(ax: Axes, report: FrontierReport, titles: Titles) -> np.ndarray:
    band = report.band
    usd = 1000 * np.array(band.usd)
    ax.fill_between(usd, band.low, band.high, color=INKS["router"], alpha=0.15, lw=0, label="95 % interval", zorder=2)
    ax.plot(usd, band.accuracy, color=INKS["router"], lw=2.4, label=f"Router: {_short(report.notes.policy)}", zorder=5)
    for one in report.points:
        x, y = 1000 * (one.usd.value or 0.0), one.accuracy.value or 0.0
        name = f"point-{one.point}"
        titles[name] = (
            f"point {one.point}: {per_cent(one.accuracy.value)} correct at {dollars(one.usd.value, 1000)} per 1,000 "
            f"requests, {dollars(one.usd_per_correct.value, 1000)} per 1,000 correct answers"
        )
        if one.chosen:
            ax.plot([x], [y], "*", color=INKS["chosen"], ms=17, mec=INKS["paper"], mew=1.2, zorder=9, gid=name)
            ax.plot([], [], "*", color=INKS["chosen"], ms=11, lw=0, label="Chosen operating point")
        else:
            ax.plot([x], [y], "o", color=INKS["router"], ms=4.2, mec=INKS["paper"], mew=0.6, zorder=6, gid=name)
    own = np.array([(1000 * (one.usd.value or 0.0), one.accuracy.value) for one in report.points])
    return np.vstack([own, np.column_stack([usd, band.accuracy])])


def _around_star(ax: Axes, report: FrontierReport) -> np.ndarray:
    """Points on the rim of the chosen point's star, which is larger than the other markers."""
    chosen = report.chosen_point
    centre = ax.transData.transform((1000 * (chosen.usd.value or 0.0), chosen.accuracy.value or 0.0))
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    rim = 8 * ax.figure.dpi / 72 * np.column_stack([np.cos(turns), np.sin(turns)])
    return np.asarray(ax.transData.inverted().transform(centre + rim))


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _draw_singles(ax: Axes, report: FrontierReport, titles: Titles) -> list[Label]:
    """Every single route as a square; the names of the best ones first, where there is room."""
    fixed = {one.name: (one.usd[0], one.accuracy[0]) for one in report.curves if one.name in ("cheapest", "strongest")}
    labels = []
    for i, one in enumerate(report.singles):
        x, y = 1000 * one.usd, one.accuracy.value or 0.0
        role = next((name for name, at in fixed.items() if np.allclose(at, (one.usd, y), rtol=1e-9, atol=0)), None)
        figures = f"{per_cent(y)} correct at {dollars(one.usd, 1000)} per 1,000 requests"
        titles[f"single-{i}"] = f"always {one.route}: {figures}"
        ax.plot([x], [y], _MARKS[role], ms=8 if role else 5, gid=f"single-{i}", zorder=5, **_INK_MARK)
        labels.append((role is None, -y, Label(x, y, _short(one.route, 42), INKS["ink"], "bold" if role else "normal")))
    for role, name in ((None, "Single route"), ("cheapest", "Cheapest route"), ("strongest", "Strongest route")):
        ax.plot([], [], _MARKS[role], ms=7 if role else 5, label=name, **_INK_MARK)
    return [label for *_, label in sorted(labels, key=lambda one: one[:2])][:_MOST_LABELS]


def _limits(ax: Axes, report: FrontierReport) -> None:
    shown = [curve for curve in report.curves if curve.name != "random"]
    usd = 1000 * np.array([x for curve in shown for x in curve.usd])
    accuracy = [y for curve in report.curves for y in curve.accuracy]
    room = max(0.03, 0.06 * (max(accuracy) - min(accuracy)))
    ax.set_ylim(max(-0.02, min(accuracy) - room), min(1.02, max(accuracy) + room))
    if usd.min() > 0:
        ax.set_xlim(usd.min() / 1.35, usd.max() * 1.6)


def reliability_figure(report: FrontierReport) -> Figure:
    """Pooled large, then a small panel per route."""
    shown: Sequence[Calibration] = report.calibration[:13]
    columns = min(4, max(1, len(shown)))
    rows = -(-len(shown) // columns)
    height = 1.1 + 2.25 * rows

    def draw(figure: Figure) -> None:
        title = _simulated("Estimated against observed P(correct)", report)
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, one in zip(axes, shown):
            _reliability_panel(ax, one)
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
        figure.supxlabel("estimated", fontsize=9, y=0.01)
        figure.supylabel("observed", fontsize=9, x=0.005)
        figure.subplots_adjust(0.06, 0.55 / height, 0.99, 1 - 0.6 / height, 0.12, 0.24)

    # many small panels: fixed margins are drawn several times faster than negotiated ones
    return drawn(10.4, height, draw, layout=None)


def _reliability_panel(ax: Axes, one: Calibration) -> None:
    ax.plot([0, 1], [0, 1], color=INKS["muted"], lw=0.9, ls="--")
    x, y = ([getattr(b, name) for b in one.bins] for name in ("estimated", "observed"))
    spread = [[b.observed - b.low for b in one.bins], [b.high - b.observed for b in one.bins]]
    ax.errorbar(x, y, yerr=np.maximum(spread, 0), color=INKS["router"], fmt="o-", ms=3.5, lw=1.2, elinewidth=0.9)
    ax.set_title(_short(one.name, 26), fontsize=8.8, loc="left")
    ax.text(0.97, 0.05, f"ECE {one.ece.value:.3f}\nn = {one.n:,}", transform=ax.transAxes, ha="right", fontsize=7.8)
    ax.grid(True, color=INKS["grid"], lw=0.7)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))


def slices_figure(report: FrontierReport, most: int = 24) -> Figure:
    """Accuracy at the chosen point by slice, beside the best rival in it and what the oracle reaches."""
    tasks = [one for one in report.slices if one.kind == "task"][:most]
    shown = [*tasks, *(one for one in report.slices if one.kind != "task")]

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        title = "Where it works: accuracy by slice at the chosen point"
        ax.set_title(_simulated(title, report), loc="left", weight="bold")
        for i, one in enumerate(shown):
            _slice_row(ax, i, one)
        ax.set_yticks(range(len(shown)), [f"{_short(one.name, 40)}  ({one.n:,})" for one in shown], color=INKS["ink"])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f} %"))
        ax.grid(True, axis="x", color=INKS["grid"], lw=0.7)
        for marker, ink, label in _SLICE_KEY:
            ax.plot([], [], marker, color=INKS[ink], mfc="none" if marker == "D" else None, lw=0, label=label)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, -0.02 - 1.1 / max(4, len(shown))), ncols=3, fontsize=8.2)

    return drawn(10.4, 1.5 + 0.3 * len(shown), draw)


def _slice_row(ax: Axes, i: int, one: Slice) -> None:
    value = one.accuracy.value or 0.0
    low, high = (value if x is None else x for x in (one.accuracy.low, one.accuracy.high))
    ax.plot([low, high], [i, i], color=INKS["router"], lw=2.2, alpha=0.45, solid_capstyle="round")
    ax.plot([value], [i], "o", color=INKS["router"], ms=6, zorder=4)
    if one.rival:
        ax.plot([one.rival.accuracy], [i], "D", color=INKS["task_mean"], ms=5, mfc="none", mew=1.4, zorder=5)
    ax.plot([one.best_possible], [i], "|", color=INKS["oracle"], ms=11, mew=1.6)
