"""Pictures of plans: bars, lines and tornados, drawn from a plan's charts. Computes nothing."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from eval.drawing import INKS, drawn, svg
from router.economics.plan import Chart, money, plain

_SERIES_INKS = ("router", "chosen", "knn", "task_mean", "linear", "mix", "oracle")
_MOST_TICKS = 10


def chart_svg(chart: Chart) -> str:
    """The chart as inline SVG whose inks the page sets."""
    return svg(chart_figure(chart), f"{chart.title}, in {chart.unit}. The tables have all figures.")


def chart_figure(chart: Chart) -> Figure:
    height = 3.4 if chart.kind == "lines" else 1.2 + 0.42 * len(chart.labels)

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.set_title(chart.title, loc="left", weight="bold")
        {"bars": _bars, "lines": _lines, "tornado": _tornado}[chart.kind](ax, chart)
        ax.grid(True, axis="y" if chart.kind == "lines" else "x", color=INKS["grid"], lw=0.8)
        ax.set_axisbelow(True)

    return drawn(10.4, height, draw)


def _bars(ax: Axes, chart: Chart) -> None:
    for name, values in chart.series:
        bars = ax.barh(range(len(values)), values, color=INKS["router"], height=0.62, label=name)
        ax.bar_label(bars, [_number(one, chart.unit) for one in values], padding=4, fontsize=8.5, color=INKS["ink"])
    ax.margins(x=0.12)
    _labelled(ax, chart)


def _tornado(ax: Axes, chart: Chart) -> None:
    ends = np.array([values for _, values in chart.series])
    left, right = ends.min(axis=0), ends.max(axis=0)
    middle = chart.middle if chart.middle is not None else float(ends.mean())
    places = range(len(chart.labels))
    ax.barh(places, left - middle, left=middle, color=INKS["knn"], height=0.62)
    ax.barh(places, right - middle, left=middle, color=INKS["chosen"], height=0.62)
    ax.axvline(middle, color=INKS["ink"], lw=1.2)
    for place, low, high in zip(places, left, right):
        ax.annotate(
            _number(low, chart.unit), (low, place), (-4, 0), textcoords="offset points", ha="right", va="center"
        )
        ax.annotate(_number(high, chart.unit), (high, place), (4, 0), textcoords="offset points", va="center")
    ax.margins(x=0.14)
    _labelled(ax, chart)


def _labelled(ax: Axes, chart: Chart) -> None:
    ax.set_yticks(range(len(chart.labels)), chart.labels, color=INKS["ink"])
    ax.invert_yaxis()
    ax.set_xlabel(chart.unit)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _tick(x, chart.unit)))


def _lines(ax: Axes, chart: Chart) -> None:
    places = np.arange(len(chart.labels))
    for i, (name, values) in enumerate(chart.series):
        ax.plot(places, values, color=INKS[_SERIES_INKS[i % len(_SERIES_INKS)]], lw=1.8, label=name)
    step = -(-len(chart.labels) // _MOST_TICKS)
    ax.set_xticks(places[::step], chart.labels[::step])
    ax.set_xlabel(chart.x_unit)
    ax.set_ylabel(chart.unit)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _tick(y, chart.unit)))
    if min(min(values) for _, values in chart.series) >= 0:
        ax.set_ylim(bottom=0)
    if len(chart.series) > 1:
        ax.legend(fontsize=8.6)


def _tick(value: float, unit: str) -> str:
    """Round numbers need no cents."""
    return _number(value, unit).removesuffix(".00")


def _number(value: float, unit: str) -> str:
    if unit.startswith("USD"):
        return money(float(f"{value:.6g}"))
    return plain(value)
