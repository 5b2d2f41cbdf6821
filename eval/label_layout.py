"""Places text beside points so that no label covers a point, a curve or another label. Knows boxes, not meanings.

Greedy and deterministic: each label takes the nearest free place around its point; far places get a leader line. What
finds no place is left out (the tables name everything).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

# directions in the order of preference: right, left, above, below, then the diagonals
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, -1), (-1, 1))
_RADII = (7.0, 13.0, 22.0, 34.0, 48.0)  # points (1/72 inch)
_LEADER_FROM = 20.0
_PAD = 1.5
_MARKER = 4.5


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    color: str
    weight: str = "normal"


def place_labels(ax: Axes, labels: Sequence[Label], avoid: np.ndarray, fontsize: float) -> None:
    """Write the labels; `avoid` (m, 2) are further data points (samples of curves, markers) to keep clear of."""
    canvas = FigureCanvasAgg(ax.figure)  # type: ignore[arg-type]
    renderer, scale = canvas.get_renderer(), ax.figure.dpi / 72.0
    own = np.array([(one.x, one.y) for one in labels]).reshape(-1, 2)
    shown = np.vstack([own, avoid.reshape(-1, 2)])
    pixels = ax.transData.transform(shown)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    taken: list[Bbox] = []
    inside = ax.get_window_extent(renderer)
    for label in labels:
        text = ax.text(label.x, label.y, label.text, fontsize=fontsize, color=label.color, zorder=6)
        text.set_fontweight(label.weight)
        box = text.get_window_extent(renderer)
        anchor = ax.transData.transform((label.x, label.y))
        place = _free_place(anchor, box.width, box.height, pixels, taken, inside, scale)
        if place is None:
            text.remove()
            continue
        taken.append(place)
        _move(ax, text, place, anchor, label, scale)


def _free_place(
    anchor: np.ndarray,
    width: float,
    height: float,
    pixels: np.ndarray,
    taken: Sequence[Bbox],
    inside: Bbox,
    scale: float,
) -> Bbox | None:
    for radius in _RADII:
        for across, up in _DIRECTIONS:
            left = anchor[0] + across * radius * scale - (1 - across) / 2 * width
            low = anchor[1] + up * radius * scale - (1 - up) / 2 * height
            box = Bbox.from_bounds(left, low, width, height)
            if _fits(box, pixels, taken, inside, scale):
                return box
    return None


def _fits(box: Bbox, pixels: np.ndarray, taken: Sequence[Bbox], inside: Bbox, scale: float) -> bool:
    if box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1:
        return False
    if any(box.padded(_PAD * scale).overlaps(other) for other in taken):
        return False
    wide = box.padded(_MARKER * scale)
    within = (pixels > (wide.x0, wide.y0)).all(axis=1) & (pixels < (wide.x1, wide.y1)).all(axis=1)
    return not within.any()


def _move(ax: Axes, text: Text, box: Bbox, anchor: np.ndarray, label: Label, scale: float) -> None:
    to_data = ax.transData.inverted()
    x, y = to_data.transform((box.x0, box.y0))
    text.set_position((float(x), float(y)))
    text.set_verticalalignment("bottom")
    near = np.clip(anchor, (box.x0, box.y0), (box.x1, box.y1))
    if np.hypot(*(near - anchor)) > _LEADER_FROM * scale * 0.6:
        end = to_data.transform(near)
        ax.plot([label.x, end[0]], [label.y, end[1]], color=label.color, lw=0.6, alpha=0.7, zorder=2)
