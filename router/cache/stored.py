"""What the cache's store gives and takes: answers, wordings and truths. Knows no SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it is kept. Moments are seconds since 1970."""

    answer_id: int
    tenant: str
    partition: str
    content: str
    model: str
    extra: Mapping[str, Any]
    tags: Mapping[str, str]
    answer_key: str | None
    digest: str
    usd: float
    created: float
    expires: float


@dataclass(frozen=True)
class StoredEntry:
    """A wording as it is kept, with the history of its answer."""

    row: Row[Any]
    text: str
    vector: np.ndarray | None


@dataclass(frozen=True)
class Label:
    """What one revealed truth adds to histories: `entries` where it is remembered, the judged one first."""

    entries: tuple[int, ...]
    answer_id: int
    valid: bool
    risk: float
    cosine: float
