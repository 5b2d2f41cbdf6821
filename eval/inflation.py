"""`eval inflation`: how many requests move to a dearer route when their text is dressed up, and what that costs.

Decides each query as it is and under every attack, with the policy's own estimates and choice. Costs are expected
USD of the *plain* text on either route: what is paid more for the route alone, not for the words that were added.
"""

import argparse
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eval.bootstrap import mean_estimates
from eval.decide import Queries, decide, read_queries
from eval.inflation_attacks import ATTACKS, CONTROLS
from router.encoders import load_encoder
from router.errors import InputError
from router.policy import Policy, text_digest
from router.prices import now
from router.requests import Request
from router.settings import Settings

_REPLICATES, _SEED = 1_000, 0


@dataclass(frozen=True)
class Moved:
    """Under one attack: the share of requests on a dearer and on a cheaper route than before, and the change of
    expected USD per request relative to before; each with its 95 % interval over queries."""

    attack: str
    control: bool
    n: int
    dearer: tuple[float | None, float | None, float | None]
    cheaper: tuple[float | None, float | None, float | None]
    usd: tuple[float | None, float | None, float | None]


def add_inflation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True, help="query_id, prompt; those trained on are left out")
    parser.add_argument("--most", type=int, default=300, help="queries drawn at random (default 300)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.set_defaults(command=_inflation)


def measure(plain: np.ndarray, usd: np.ndarray, changed: np.ndarray, name: str) -> Moved:
    """`plain` and `changed` (n,) are columns of routes, `usd` (n, R) the plain requests' expected costs."""
    rows = np.arange(len(plain))
    before, after = usd[rows, plain], usd[rows, changed]
    columns = np.column_stack([after > before, after < before, (after - before) / before.mean()]).astype(float)
    dearer, cheaper, cost = ((one.value, one.low, one.high) for one in mean_estimates(columns, _REPLICATES, _SEED))
    return Moved(name, name in CONTROLS, len(plain), dearer, cheaper, cost)


def bound(policy: Policy, plain: np.ndarray, usd: np.ndarray, seen: set[int]) -> Moved:
    """What no text can exceed with this policy: every request on the dearest of the routes that were ever chosen."""
    dearest = max(seen, key=lambda column: float(usd[:, column].mean()))
    return measure(plain, usd, np.full(len(plain), dearest), f"all on {policy.routes[dearest].key}")


def held_out(policy: Policy, queries: Queries, most: int) -> Queries:
    """Queries of one prompt that the policy was not trained on, at most so many. Raises InputError for none."""
    known = policy.trained_on()
    fresh = [i for i, request in enumerate(queries.requests) if text_digest(request.text) not in known]
    if not fresh:
        raise InputError("queries", len(queries.ids), "all of them were trained on", "Give others.")
    picked = sorted(random.Random(_SEED).sample(fresh, min(most, len(fresh))))
    return Queries(tuple(queries.ids[i] for i in picked), tuple(queries.requests[i] for i in picked))


def _inflation(arguments: argparse.Namespace) -> None:
    settings, policy = Settings(), Policy.load(arguments.policy)
    encoder, at = load_encoder(settings), now()
    queries = held_out(policy, read_queries(arguments.queries), arguments.most)
    values, cache = [policy.value_usd], settings.models_dir / "embeddings"
    plain = decide(policy, encoder, queries, values, at, cache)
    found, seen = [], set(plain.chosen[:, 0].tolist())
    for name, change in (ATTACKS | CONTROLS).items():
        draw = random.Random(_SEED)
        requests = tuple(Request.from_prompt(change(request.text, draw)) for request in queries.requests)
        dressed = decide(policy, encoder, Queries(queries.ids, requests), values, at, cache)
        found.append(measure(plain.chosen[:, 0], plain.usd, dressed.chosen[:, 0], name))
        seen |= set(dressed.chosen[:, 0].tolist())
        print(line(found[-1]), flush=True)
    found.append(bound(policy, plain.chosen[:, 0], plain.usd, seen))
    print(line(found[-1]))
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        told = {"policy": policy.version, "moved": [asdict(one) for one in found]}
        arguments.out.write_text(json.dumps(told, indent=1) + "\n")


def line(one: Moved) -> str:
    """One attack as a person reads it."""
    kind = "control" if one.control else "attack"
    dearer, cheaper = f"{_share(one.dearer)} dearer", f"{_share(one.cheaper)} cheaper"
    return f"{kind:<8} {one.attack:<32} {dearer:<32} {cheaper:<33} cost {_share(one.usd, '+')}  n = {one.n}"


def _share(value: tuple[float | None, float | None, float | None], sign: str = "") -> str:
    mean, low, high = (0.0 if part is None else part for part in value)
    return f"{mean:{sign}.1%} [{low:{sign}.1%}, {high:{sign}.1%}]"
