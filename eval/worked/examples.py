"""Every worked example of the guide as a row: the text from the file, the figure from our calculators."""

import tomllib
from pathlib import Path

from eval.worked import caching, hosting, media, overhead, prices, product, thinking
from eval.worked.row import Figure, Row, make_row

FILE = Path(__file__).with_name("examples.toml")
_MODULES = (prices, hosting, thinking, media, product, caching, overhead)


def all_rows() -> tuple[Row, ...]:
    """All rows in the guide's order. Raises KeyError where a line has no figure or a figure no line."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    found = all_figures()
    lost = sorted(set(told) ^ set(found))
    if lost:
        raise KeyError(f"lines without figures, or figures without lines: {', '.join(lost)}")
    return tuple(make_row(key, given, found[key]) for key, given in told.items())


def all_figures() -> dict[str, Figure]:
    """Our figures by key. No key is computed twice."""
    found: dict[str, Figure] = {}
    for module in _MODULES:
        figures = module.figures()
        twice = set(found) & set(figures)
        if twice:
            raise KeyError(f"computed twice: {', '.join(sorted(twice))}")
        found |= figures
    return found
