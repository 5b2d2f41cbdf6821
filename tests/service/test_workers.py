"""Several processes behind one port: one view of the cache, one sum of metrics, and none missed when it dies."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from router.access.rates import LAG_SECONDS
from router.access.store import KeyStore
from router.current_policy import write_current
from router.settings import Settings
from service import workers

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
WORKERS = 3


def until(reached: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Service:
    """`python -m service --workers N`; a new connection reaches any of them."""

    def __init__(self, folder: Path, *arguments: str, **told: str) -> None:
        environment = {
            "TIERWISE_MODELS_DIR": str(folder / "models"),
            "TIERWISE_STORE_URL": f"sqlite:///{folder / 'log.db'}",
            "TIERWISE_ENCODER_BACKEND": "hashing",
            "TIERWISE_STORE_TIMEOUT_SECONDS": "10",
            **told,
        }
        command = [sys.executable, "-m", "service", "--port", "0", "--workers", str(WORKERS), *arguments]
        with (folder / "stderr.txt").open("a") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env={**os.environ, **environment}
            )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found
        self.url = found.group()
        until(lambda: len(self.workers()) == WORKERS and all(self.versions()), 120)

    def workers(self) -> list[int]:
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        lines = {int(pid): Path(f"/proc/{pid}/cmdline") for pid in found}
        return [pid for pid, line in lines.items() if line.exists() and b"spawn_main" in line.read_bytes()]

    def each(self, path: str) -> list[dict]:
        """What is answered on many new connections, by whichever workers take them."""
        return [httpx.get(self.url + path, timeout=20).json() for _ in range(24)]

    def versions(self) -> set[str]:
        """What the workers say that decides; an empty text for one that is not ready."""
        try:
            ready = all(one["ready"] for one in self.each("/readyz"))
        except httpx.TransportError:
            return {""}
        return {one["current"]["version"] for one in self.each("/policies")} if ready else {""}

    def metric(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", httpx.get(f"{self.url}/metrics").text, re.M)
        return float(found.group(1)) if found else 0.0

    def route(self, prompt: str) -> dict:
        answer = httpx.post(f"{self.url}/route", json={"prompt": prompt}, timeout=20)
        return answer.raise_for_status().json()

    def report(self, decision: dict, **said: object) -> dict:
        body = {"decision_id": decision["decision_id"], "correct": 1, **said}
        return httpx.post(f"{self.url}/outcomes", json=body, timeout=20).raise_for_status().json()


@contextmanager
def serving(folder: Path, **told: str) -> Iterator[Service]:
    service = Service(folder, **told)
    try:
        yield service
    finally:
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(40) == 0
        assert service.process.stdout is not None
        service.process.stdout.close()


@pytest.fixture
def serve(tmp_path: Path, write_policy) -> Iterator[Service]:
    write_current(tmp_path / "models", write_policy())
    with serving(tmp_path) as service:
        yield service


def test_they_are_one_service(serve: Service, tmp_path: Path, write_policy) -> None:
    # answers are reported to any of them, and stored
    decisions = [serve.route(f"What is {number} plus two?") for number in range(20)]
    taken = [serve.report(one, answer=f"answer {one['decision_id']}") for one in decisions]
    assert [one["cache"]["result"] for one in taken] == ["stored"] * 20
    # every one of them serves what another stored, within a second
    time.sleep(1.0)
    assert {serve.route("What is 3 plus two?")["action"] for _ in range(24)} == {"cached"}
    # an invalidation reaches all within a second
    body = {"tenant": "default", "everything": True, "dry_run": False}
    assert httpx.post(f"{serve.url}/cache/invalidate", json=body, timeout=20).json()["answers"] == 20
    time.sleep(1.0)
    assert {serve.route("What is 3 plus two?")["action"] for _ in range(24)} == {"route"}
    # one promise
    time.sleep(1.2)
    assert {one["promise"]["requests"] for one in serve.each("/cache?tenant=default")} == {68}
    # metrics add up
    counted = sum(serve.metric(f'tierwise_decisions_total{{action="{a}",tier="{t}"}}') for a, t in KINDS)
    assert counted == 68
    # a promotion reaches all within a second
    version = write_current(tmp_path / "models", write_policy("next", seed=7)).version
    time.sleep(1.0)
    assert serve.versions() == {version}
    assert serve.metric(f'tierwise_policy_info{{version="{version}"}}') == WORKERS


def test_the_guardrails_watch_all_of_them_and_any_tells_how_it_stands(tmp_path: Path, write_policy) -> None:
    write_current(tmp_path / "models", write_policy())
    write_policy("next", seed=7)
    with serving(tmp_path, TIERWISE_GUARD_EVERY_SECONDS="0.3") as service:
        asked = {"policy": "next", "share": 0.5}
        assert httpx.post(f"{service.url}/policies/promote", json=asked, timeout=20).json()["share"] == 0.5

        def shares() -> set[float]:
            return {one["candidate"]["share"] if one["candidate"] else -1.0 for one in service.each("/policies")}

        until(lambda: shares() == {0.5} and all(one["guards"] for one in service.each("/policies")))

        def route(number: int) -> dict:
            said = {"prompt": f"What is {number} + 2?", "session": f"s{number}"}
            return httpx.post(f"{service.url}/route", json=said, timeout=20).raise_for_status().json()

        decisions = [route(number) for number in range(40)]
        candidate = service.each("/policies")[0]["candidate"]["version"]
        mine = [one for one in decisions if one["policy"] == candidate]
        assert 5 < len(mine) < 35

        def counted() -> set[tuple[int, int]]:
            told = [one["guards"] for one in service.each("/policies")]
            return {(one["policy"]["decided"], one["baseline"]["decided"]) for one in told}

        until(lambda: counted() == {(len(mine), 40 - len(mine))})
        for one in mine:
            service.report(one, status="error", correct=None)
        until(lambda: shares() == {0.0})
        changes = service.each("/policies")[0]["changes"]
        assert [(one["action"], one["by"]) for one in changes] == [("rollback", "guardrails"), ("stage", "operator")]


def test_what_one_is_told_to_forget_all_forget(serve: Service, tmp_path: Path) -> None:
    asked = {"prompt": "what ails zanzibar", "tenant": "acme", "user": "bobby"}

    def route(said: dict = asked) -> dict:
        """On a connection of its own, so that any worker may get it."""
        return httpx.post(f"{serve.url}/route", json=said, timeout=20).raise_for_status().json()

    serve.report(route(), tenant="acme", answer="the flu")
    time.sleep(1.0)
    assert {route()["action"] for _ in range(24)} == {"cached"}
    for number in range(24):  # these wait for their answers in every worker's memory
        route(asked | {"prompt": f"does zanzibar cough {number}"})
    done = httpx.post(f"{serve.url}/privacy/forget", json={"tenant": "acme", "user": "bobby"}, timeout=30).json()
    assert done["everywhere"] and done["removed"]["cache_answers"] == 1
    time.sleep(1.0)  # whatever was still on its way would be written by now
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if any(word in path.read_bytes() for word in (b"zanzibar", b"bobby"))] == []
    assert {route()["action"] for _ in range(24)} == {"route"}


KINDS = [("route", "economy"), ("route", "standard"), ("cached", "cached")]


def test_a_killed_worker_is_replaced_and_nobody_is_refused(serve: Service) -> None:
    before = serve.metric('tierwise_outcome_reports_total{result="recorded"}')
    serve.report(serve.route("a question before the kill"))
    victims = serve.workers()[:1]
    os.kill(victims[0], signal.SIGKILL)
    answers = [httpx.post(f"{serve.url}/route", json={"prompt": f"q {n}"}, timeout=60) for n in range(24)]
    assert {one.status_code for one in answers} == {200}
    until(lambda: len(serve.workers()) == WORKERS and not set(victims) & set(serve.workers()))
    assert serve.metric('tierwise_outcome_reports_total{result="recorded"}') == before + 1


def test_a_key_has_one_rate_over_all_of_them(serve: Service, tmp_path: Path) -> None:
    keys = KeyStore(f"sqlite:///{tmp_path / 'log.db'}", 10)
    _, token = keys.make("acme", frozenset({"route"}), requests_per_second=5.0)
    keys.close()
    time.sleep(1.2)  # all have read it

    def ask(_: object = None) -> httpx.Response:
        """On a connection of its own, so that any worker may get it."""
        bearer = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{serve.url}/route", json={"prompt": "hello"}, headers=bearer, timeout=20)

    started, answers = time.monotonic(), []
    with ThreadPoolExecutor(4) as pool:
        while time.monotonic() - started < 6.0:
            answers += pool.map(ask, range(8))
    passed, seconds = sum(one.status_code == 200 for one in answers), time.monotonic() - started
    burst = 5.0
    assert 0.7 * 5.0 * seconds <= passed  # three rates would be 105
    assert passed <= 5.0 * seconds + burst + (WORKERS - 1) * (burst + 2 * 5.0 * LAG_SECONDS)
    refused = next(one for one in reversed(answers) if one.status_code != 200)
    assert refused.status_code == 429
    time.sleep(float(refused.headers["retry-after"]))
    assert ask().status_code == 200


class Ended:
    """A worker that has ended."""

    exitcode, pid, name = 1, 0, "worker-0"

    def __init__(self) -> None:
        self.sentinel, writing = os.pipe()
        os.close(writing)


@pytest.mark.parametrize(("stops", "started"), [(True, 0), (False, 2)])
def test_a_stop_while_a_worker_is_replaced_is_not_missed(
    monkeypatch, tmp_path: Path, stops: bool, started: int
) -> None:
    """And a worker that cannot be started now, memory being short, is started at the next look."""
    watched, ended, tries = workers.Workers(Settings(), [], print), Ended(), []
    watched._processes = [ended]

    def rest(seconds: float) -> None:
        watched._stopping = stops

    def start(place: int) -> Ended:
        tries.append(place)
        if len(tries) == 1:
            raise BlockingIOError
        return ended

    monkeypatch.setattr(workers.time, "sleep", rest)
    monkeypatch.setattr(watched, "_started", start)
    for _ in range(2):
        watched._look(tmp_path)
    os.close(ended.sentinel)
    assert len(tries) == started
