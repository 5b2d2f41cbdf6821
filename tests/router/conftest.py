"""A cache over a real store, the shipped verifier and a hashing encoder, under a clock that the test turns."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from router.cache.records import CacheRules
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.cache.verifier import Verifier
from router.encoders import HashingEncoder

SHIPPED = Path(__file__).parents[2] / "models" / "verifier"


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def verifier() -> Verifier:
    return Verifier.load(SHIPPED)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embed() -> Callable[[str], np.ndarray]:
    encoder = HashingEncoder()
    return lambda text: encoder.encode([text])[0]


@pytest.fixture
def make_cache(tmp_path: Path, verifier: Verifier, clock: Clock) -> Callable[..., SemanticCache]:
    """A cache on the same store at each call, as after a restart or in another process."""

    def make(rules: CacheRules | None = None, encoder: str = "hashing-64") -> SemanticCache:
        store = CacheStore(f"sqlite:///{tmp_path / 'cache.db'}", timeout_seconds=5)
        return SemanticCache(store, verifier, encoder, 64, rules, clock=clock, seed=1, index_dir=tmp_path / "index")

    return make
