import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eval.label_layout import Label, place_labels


def test_labels_of_crowded_points_do_not_overlap() -> None:
    figure = Figure(figsize=(8, 5))
    canvas = FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    near = np.random.default_rng(0).uniform(0.4, 0.6, (12, 2))
    place_labels(ax, [Label(x, y, f"a-model-{i}|none", "#000000") for i, (x, y) in enumerate(near)], near, 8)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in ax.texts]
    assert len(boxes) >= 8
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
