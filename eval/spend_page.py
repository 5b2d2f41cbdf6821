"""The spend report as one HTML page that opens offline: days, groups and savings as plots, and every figure in tables.

Draws what the report holds; computes nothing else.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from eval.drawing import INKS, drawn, svg
from router.money import to_usd
from router.spend.report import SpendReport
from router.spend.savings import DEFINITIONS, Savings, UnitCosts

SHOWN_DAYS, SHOWN_GROUPS = 62, 12


def write_page(report: SpendReport, path: Path, command: str, revenue_usd: Decimal | None = None) -> None:
    """Write the page, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(render_page(report, command, revenue_usd), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def render_page(report: SpendReport, command: str, revenue_usd: Decimal | None = None) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # tenants and tags come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["usd"] = _usd
    environment.filters["dollars"] = lambda pico: f"{'−' if pico < 0 else ''}${_usd(abs(pico))}"
    saved = Savings.of(report.total)
    return environment.get_template("spend.html").render(
        r=report,
        saved=saved,
        parts=_parts(saved),
        rows=[(row, Savings.of(row)) for row in report.rows],
        costs={name.replace("_", " "): usd for name, usd in vars(UnitCosts.of(report.total, revenue_usd)).items()},
        definitions=DEFINITIONS,
        pictures=_pictures(report, saved),
        command=command,
    )


def _pictures(report: SpendReport, saved: Savings) -> dict[str, Markup]:
    days = sorted(report.daily)[-SHOWN_DAYS:]
    pictures = {}
    if days:
        by_day = {f"{day:%d %b}": report.daily[day] for day in days}
        pictures["days"] = svg(_bars(by_day, "USD per day", 3.0), "Spend per day; the table of groups has the sums.")
    groups = {" · ".join(name or "(none)" for name in row.names): row.spent for row in report.rows[:SHOWN_GROUPS]}
    if len(groups) > 1:
        pictures["groups"] = svg(_lying_bars(groups), "Spend by group, the dearest first; the table has all figures.")
    if saved.counterfactual:
        pictures["savings"] = svg(_lying_bars(_parts(saved)), "What routing, effort and caching saved, in USD.")
    return {name: Markup(text) for name, text in pictures.items()}


def _parts(saved: Savings) -> dict[str, int]:
    return {
        "routing": saved.by_routing,
        "effort": saved.by_effort,
        "cache": saved.by_cache,
        "estimates wrong by": saved.estimate_error,
        "caused calls": -saved.caused,
    }


def _bars(amounts: Mapping[str, int], title: str, height: float) -> Figure:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar(range(len(amounts)), [float(to_usd(pico)) for pico in amounts.values()], color=INKS["router"])
        step = max(1, len(amounts) // 10)
        axes.set_xticks(range(0, len(amounts), step), list(amounts)[::step])
        axes.set_ylabel(title)
        axes.spines[["top", "right"]].set_visible(False)

    return drawn(10, height, draw)


def _lying_bars(amounts: Mapping[str, int]) -> Figure:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        values = [float(to_usd(pico)) for pico in amounts.values()]
        colors = [INKS["router"] if value >= 0 else INKS["bad"] for value in values]
        axes.barh(range(len(values)), values, color=colors)
        axes.set_yticks(range(len(values)), [_short(name) for name in amounts])
        axes.invert_yaxis()
        axes.set_xlabel("USD")
        axes.axvline(0, color=INKS["muted"], linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)

    return drawn(10, 0.6 + 0.32 * len(amounts), draw)


def _short(name: str, most: int = 48) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _usd(pico: int) -> str:
    amount = to_usd(pico)
    return f"{amount:,.2f}" if abs(amount) >= 100 or amount == 0 else f"{amount:,.6f}"
