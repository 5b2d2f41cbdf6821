"""Efforts of one model in their order: more effort is never believed to do worse. Inference only.

Neighbouring efforts that stand in the wrong order are pooled (pool adjacent violators), so that the mean over a
model's efforts stays and no estimate moves further than its neighbours pull it.
"""

from collections.abc import Sequence

import numpy as np

from router.routes import Route, effort_rank


def effort_ladders(routes: Sequence[Route]) -> tuple[tuple[int, ...], ...]:
    """Columns of each model with two or more efforts of known rank, the least effort first."""
    models: dict[str, list[tuple[float, int]]] = {}
    for j, route in enumerate(routes):
        rank = effort_rank(route.effort)
        if rank is not None:
            models.setdefault(route.model, []).append((rank, j))
    return tuple(tuple(j for _, j in sorted(found)) for found in models.values() if len(found) > 1)


def in_order(p: np.ndarray, ladders: Sequence[Sequence[int]]) -> np.ndarray:
    """P(correct) (R,) with every ladder ascending."""
    if not ladders:
        return p
    found = p.copy()
    for ladder in ladders:
        found[list(ladder)] = _ascending([float(p[j]) for j in ladder])
    return found


def _ascending(values: list[float]) -> list[float]:
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, size = value, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, size = (before * many + mean * size) / (many + size), many + size
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]
