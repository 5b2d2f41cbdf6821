"""Writes a plan: as text for a terminal, as JSON, as an HTML page that opens offline. Computes no figure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval.plan_plots import chart_svg
from router.economics.plan import Cell, Plan, Table, shown

FORMATS = ("text", "json", "html")


def plan_text(plan: Plan) -> str:
    """The answer, then figures and tables in columns."""
    lines = [plan.answer]
    rows = [(one.name, shown(one.value, one.unit), one.how) for one in plan.figures]
    lines += ["", *_columns(rows)] if rows else []
    for table in plan.tables:
        lines += ["", table.title, *_columns([table.columns, *_cells(table)])]
        lines += [table.note] if table.note else []
    lines += ["", *plan.notes] if plan.notes else []
    return "\n".join(line.rstrip() for line in lines)


def plan_json(plan: Plan) -> str:
    return json.dumps(plan.to_json(), ensure_ascii=False, allow_nan=False, indent=1)


def plan_html(plan: Plan) -> str:
    pictures = [Markup(chart_svg(chart)) for chart in plan.charts]
    return page_environment().get_template("plan.html").render(plan=plan, pictures=pictures)


def write_page(text: str, path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)


def page_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # names come from scenario files and requests
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["cell"] = cell_text
    return environment


def cell_text(value: Cell, column: str) -> str:
    """A cell by its column's unit: USD and shares are told by the column's name."""
    if isinstance(value, str) or value is None:
        return shown(value)
    if "USD" in column:
        return shown(value, "USD")
    if "share" in column or column in ("utilisation", "P(correct)", "added P(correct)"):
        return shown(value, "share")
    return shown(value)


def _cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(cell_text(cell, column) for cell, column in zip(row, table.columns)) for row in table.rows]


def _columns(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The first column to the left, the others as wide as their widest cell."""
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(_cell(str(one), widths[i], i) for i, one in enumerate(row)) for row in rows]


def _cell(text: str, width: int, place: int) -> str:
    # the last column of a list of figures is a sentence and needs no padding
    return text.ljust(width) if place == 0 or (place == 2 and " " in text) else text.rjust(width)
