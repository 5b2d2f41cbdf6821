"""Fixtures shared by the packages' tests: a small policy on disk, and the parts that an engine is made of."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from router.catalog import PRICE_KEYS, build_specs
from router.encoders import HashingEncoder
from router.estimators import Estimator
from router.log_store import LogStore
from router.policy import ESTIMATOR_FOLDER, ROUTES_FILE, SWEEP_FILE, Policy
from router.policy_files import write_folder
from router.prices import Price
from router.routes import Route
from router.safe_route import SafeRoute

CHEAP, DEAR = Route("gpt-4o-mini", "none"), Route("gpt-4o", "none")
WritePolicy = Callable[..., Path]


@pytest.fixture
def tiny_estimator() -> Callable[[float], Estimator]:
    """The only place that makes an estimator: P(correct) .6 for the cheap route, as given for the dear one."""

    def make(p_dear: float) -> Estimator:
        means = np.array([[0.6, p_dear], [200.0, 200.0], [400.0, 400.0], [1.0, 2.0]])
        return Estimator((CHEAP, DEAR), means)

    return make


@pytest.fixture
def write_policy(tmp_path: Path, tiny_estimator: Callable[[float], Estimator]) -> WritePolicy:
    """Writes a policy folder of two routes; `seed` gives each its own version, `prices` its own prices."""

    def write(
        name: str = "tiny",
        seed: int = 0,
        value_usd: float = 1.0,
        p_dear: float = 0.9,
        prices: Mapping[Route, Price] = MappingProxyType({}),
        dim: int = 64,
        parent: Path | None = None,
    ) -> Path:
        folder = (parent or tmp_path / "models") / name

        def fill(draft: Path) -> dict[str, object]:
            (draft / ESTIMATOR_FOLDER).mkdir()
            estimator = tiny_estimator(p_dear)
            estimator.save(draft / ESTIMATOR_FOLDER)
            amounts = {route.key: {key: getattr(price, key) for key in PRICE_KEYS} for route, price in prices.items()}
            specs = build_specs(estimator.routes, amounts)
            (draft / ROUTES_FILE).write_text(json.dumps([spec.as_dict() for spec in specs.values()]))
            sweep = {"values": [0.0, 1.0, "best"], "usd": [0.0001, 0.001, 0.002], "accuracy": [0.6, 0.8, 0.9]}
            (draft / SWEEP_FILE).write_text(json.dumps(sweep))
            return {
                "routes": [route.key for route in estimator.routes],
                "encoder": HashingEncoder(dim).identity.as_dict(),
                "operating_point": {"objective": "a value", "value_usd": value_usd},
                "seed": seed,
            }

        write_folder(folder, fill)
        return folder

    return write


@pytest.fixture
def tiny_policy(write_policy: WritePolicy) -> Policy:
    return Policy.load(write_policy())


@pytest.fixture
def safe() -> SafeRoute:
    return SafeRoute.from_key("gpt-4o-mini|none", 1024)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[LogStore]:
    made = LogStore(store_url)
    yield made
    made.close()
