"""How every report draws: its inks and fonts, and one figure as PNG and as inline SVG.

In the SVG the inks are CSS variables, so the page recolours it for dark screens and print; points carry their figures
as titles, which browsers show on hover. Uses no global plotting state.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Inks. Each is a CSS variable of the page: --ink, --muted, --grid, --paper, --router, ...
INKS = {
    "ink": "#1c2430",
    "muted": "#66707d",
    "grid": "#e3e6ea",
    "paper": "#fdfdfe",
    "router": "#0b62c4",
    "chosen": "#d1372c",
    "mix": "#7a8390",
    "task_mean": "#b26a00",
    "knn": "#15803c",
    "linear": "#8440b8",
    "oracle": "#3b4654",
    "bad": "#c22f25",
}
_RC: Any = {
    "text.parse_math": False,  # names are data, not formulas
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": INKS["muted"],
    "axes.labelcolor": INKS["ink"],
    "axes.titlecolor": INKS["ink"],
    "xtick.color": INKS["muted"],
    "ytick.color": INKS["muted"],
    "text.color": INKS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "tierwise",
    "figure.facecolor": INKS["paper"],
    "axes.facecolor": INKS["paper"],
    "legend.frameon": False,
}
Titles = dict[str, str]


def png(figure: Figure, dpi: int = 160) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, alt: str, titles: Titles | None = None) -> str:
    """Inline SVG with CSS variables for inks, `alt` as its accessible name and hover titles by element id."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure)
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    for name, color in INKS.items():
        text = text.replace(color, f"var(--{name}, {color})")
    for element, title in (titles or {}).items():
        text = text.replace(f'<g id="{element}">', f'<g id="{element}"><title>{escape(title)}</title>', 1)
    # the page decides the size; the view box keeps the shape
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def drawn(width: float, height: float, draw: Callable[[Figure], None], layout: Any = "constrained") -> Figure:
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width, height), layout=layout)
        FigureCanvasAgg(figure)
        draw(figure)
    return figure
