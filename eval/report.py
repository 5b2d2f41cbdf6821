"""Writes the frontier report: one HTML file that opens offline, a PNG and strict JSON. Computes no figure itself."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval import drawing, plots, wording
from eval.frontier import FrontierReport
from eval.operating import OperatingPoint
from eval.regret_plot import regret_figure

FILES = ("frontier.html", "frontier.png", "frontier.json")
FIGURE_NAMES = {
    "closed": "Gap closed",
    "logaiq": "AIQ, log USD",
    "aiq": "AIQ, linear",
    "parity": "Parity",
    "best_usd_per_correct_at_95pct": "USD per 1,000 correct, ≥ 95 %",
    "apgr": "APGR",
    "cpt50": "CPT50",
    "cpt80": "CPT80",
}

LOWER_IS_BETTER = ("parity", "best_usd_per_correct_at_95pct", "cpt50", "cpt80")
BADGES = {
    "route": ("good", "Route"),
    "no clear gain": ("tie", "No clear gain"),
    "do not route": ("no", "Do not route yet"),
}


def write_report(report: FrontierReport, folder: Path | str) -> Path:
    """Write all three files into `folder` and return the HTML's path. Nothing half written is ever seen there."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (building / "frontier.png").write_bytes(drawing.png(plots.frontier_figure(report)[0]))
        (building / "frontier.html").write_text(render_html(report), encoding="utf-8")
        text = json.dumps(report.to_json(), allow_nan=False, ensure_ascii=False, indent=1)
        (building / "frontier.json").write_text(text + "\n", encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for name in FILES:
            (building / name).replace(folder / name)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder / "frontier.html"


def render_html(report: FrontierReport) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # task names, prompts and policy names come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("dollars", "per_cent", "points", "figure", "interval"):
        environment.filters[name] = getattr(wording, name)
    page = environment.get_template("frontier.html")
    return page.render(r=report, pictures=_pictures(report), **_tables(report))


def _pictures(report: FrontierReport) -> dict[str, Markup]:
    """SVG from our own drawing, in which every foreign text is a path or an escaped title."""
    figure, titles = plots.frontier_figure(report)
    pictures = {"frontier": drawing.svg(figure, _frontier_alt(report), titles)}
    if report.calibration:
        alt = "Reliability: estimated against observed share of correct answers; the table below has the figures."
        pictures["reliability"] = drawing.svg(plots.reliability_figure(report), alt)
    if report.slices:
        alt = "Accuracy by slice at the chosen point with intervals, beside the best simple rival and the oracle."
        pictures["slices"] = drawing.svg(plots.slices_figure(report), alt)
    if report.regret is not None:
        alt = "Correct answers lost per 1,000 requests by labels of a new route; the table below has the figures."
        pictures["regret"] = drawing.svg(regret_figure(report.regret), alt)
    return {name: Markup(text) for name, text in pictures.items()}


def _frontier_alt(report: FrontierReport) -> str:
    usd, accuracy = wording.dollars(report.headline.usd, 1000), wording.per_cent(report.headline.accuracy)
    simulated = "Simulated labels. " if report.notes.simulated else ""
    return (
        f"{simulated}Accuracy against USD per 1,000 requests for the router, {len(report.routes)} single routes and "
        f"references. The chosen point has {accuracy} correct at {usd}. The tables below have all figures."
    )


def _tables(report: FrontierReport) -> dict[str, Any]:
    """What the template lays out but must not compute."""
    router = report.policies[0].figures
    chosen = report.chosen_point
    return {
        "figure_names": {key: name for key, name in FIGURE_NAMES.items() if key in router},
        "chosen": chosen,
        "point_rows": _without_repeats(report.points),
        "badge": BADGES[report.headline.verdict],
        "lower_is_better": LOWER_IS_BETTER,
        "shares": list(chosen.route_shares.items()),
        "cheapest": next((one for one in report.points if one.point == report.cheapest_per_correct), None),
        "quality": [f"usd_for_{share:.0%}" for share in report.quality_shares],
        "lost_slices": [one for one in report.slices if one.loses],
        "sure_slices": [one for one in report.slices if one.loses and one.rival and one.rival.sure],
    }


def _without_repeats(points: Sequence[OperatingPoint]) -> list[tuple[str, OperatingPoint]]:
    """Neighbouring points with the same spend and accuracy share a row, named by its first and last."""
    rows: list[list[OperatingPoint]] = []
    for one in points:
        same = rows and (rows[-1][-1].usd, rows[-1][-1].accuracy) == (one.usd, one.accuracy)
        if same:
            rows[-1].append(one)
        else:
            rows.append([one])
    named = []
    for row in rows:
        name = str(row[0].point) if len(row) == 1 else f"{row[0].point}–{row[-1].point}"
        named.append((name, next((one for one in row if one.chosen), row[0])))
    return named
