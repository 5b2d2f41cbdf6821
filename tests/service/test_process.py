"""The service as a process: what it acknowledged is kept, however it ends."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path

import httpx
import pytest

from router.current_policy import write_current
from router.log.store import LogStore
from router.spend.late_booking import LateBooking
from router.spend.ledger_books import imbalances

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]


class Process:
    """`python -m service` on a free port."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        told = {
            "TIERWISE_MODELS_DIR": str(folder / "models"),
            "TIERWISE_STORE_URL": f"sqlite:///{folder / 'log.db'}",
            "TIERWISE_ENCODER_BACKEND": "hashing",
            "TIERWISE_POLICY_POLL_SECONDS": "0.05",
            "TIERWISE_STORE_TIMEOUT_SECONDS": "5",
        }
        with (folder / "stderr.txt").open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "--port", "0", *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, **told},
            )

    @cached_property
    def said(self) -> str:
        """What it printed when it began to listen."""
        assert self.process.stdout is not None
        return "".join(self.process.stdout.readline() for _ in range(4))

    @property
    def url(self) -> str:
        found = re.search(r"http://\S+", self.said)
        assert found, self.said
        return found.group()

    def ready(self, wanted: int = 200) -> "Process":
        until(lambda: httpx.get(f"{self.url}/readyz").status_code == wanted)
        return self

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class Load(threading.Thread):
    """Routes and reports until the service is gone; remembers what was acknowledged. What is not reported is in the
    spool alone when its process is killed in time."""

    def __init__(self, url: str, reports: bool = True) -> None:
        super().__init__()
        self.reports = reports
        self.url, self.decided, self.reported, self.cached = url, [], [], set()
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            with httpx.Client(base_url=self.url, timeout=10) as client:
                while True:
                    self._once(client)
        except httpx.TransportError:
            return

    def _once(self, client: httpx.Client) -> None:
        prompt = f"What is {len(self.decided)} + 2?"
        answer = client.post("/route", json={"prompt": prompt})
        if answer.status_code != 200 or not answer.json()["logged"]:
            self.wrong.append(answer.text)
            return
        self.decided.append(answer.json()["decision_id"])
        if not self.reports:
            return
        report = {"decision_id": self.decided[-1], "correct": 1, "input_tokens": 9, "output_tokens": 3}
        report["answer"] = f"{len(self.decided) + 1}"
        answer = client.post("/outcomes", json=report)
        if answer.status_code == 200:
            self.reported.append(self.decided[-1])
            if (answer.json()["cache"] or {}).get("result") == "stored":
                self.cached.add(prompt)
        else:
            self.wrong.append(answer.text)


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Processes that are ended whatever happens."""
    running: list[Process] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.end()


def take_up(database: Path) -> None:
    """What killed processes had spooled is stored by whoever starts next, or by a living process within ten seconds."""
    following = LogStore(f"sqlite:///{database}", late=LateBooking)
    following.recover()
    following.close()


def check_kept(store: LogStore, loads: list[Load], database: Path) -> None:
    assert any(load.reported for load in loads)
    with closing(sqlite3.connect(database)) as db:
        kept = {text for (text,) in db.execute("SELECT text FROM cache_entries")}
    assert any(load.cached for load in loads) and all(load.cached <= kept for load in loads)
    with store.reading() as connection:
        assert imbalances(connection) == []
    for load in loads:
        for decision_id in load.decided:
            store.decision(decision_id)
        for decision_id in load.reported:
            assert len(store.reports_of(decision_id)) == 1


def test_nothing_acknowledged_is_lost_in_ten_kills(tmp_path: Path, write_policy, store: LogStore, processes) -> None:
    policy = write_policy()
    loads: list[Load] = []
    processes.append(Process(tmp_path, "--policy", str(policy)))
    for i in range(10):
        # the next one starts, on the same store, while this one is under load
        process = processes[-1].ready()
        processes.append(Process(tmp_path, "--policy", str(policy)))
        round_loads = [Load(process.url, reports) for reports in (True, True, False)]
        for load in round_loads:
            load.start()
        until(lambda loads=round_loads, i=i: sum(len(load.reported) for load in loads) > 5 + 3 * i)
        assert process.end() == -signal.SIGKILL
        for load in round_loads:
            load.join(20)
        loads += round_loads
    take_up(tmp_path / "log.db")
    check_kept(store, loads, tmp_path / "log.db")
    assert [load.wrong for load in loads if load.wrong] == []


def test_a_gentle_stop_answers_what_it_accepted(tmp_path: Path, write_policy, store: LogStore, processes) -> None:
    process = Process(tmp_path, "--policy", str(write_policy())).ready()
    processes.append(process)
    loads = [Load(process.url) for _ in range(3)]
    for load in loads:
        load.start()
    until(lambda: sum(len(load.reported) for load in loads) > 20)
    assert process.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    for load in loads:
        load.join(20)
    check_kept(store, loads, tmp_path / "log.db")
    # a decision acknowledged is a decision kept, and nothing half-way is left behind
    assert store.counts()[0] - sum(len(load.decided) for load in loads) <= len(loads)


def test_two_processes_share_one_store(tmp_path: Path, write_policy, store: LogStore, processes) -> None:
    policy = str(write_policy())
    processes += [Process(tmp_path, "--policy", policy) for _ in range(2)]
    loads = [Load(process.ready().url) for process in processes for _ in range(2)]
    for load in loads:
        load.start()
    until(lambda: all(len(load.reported) > 20 for load in loads))
    one, two = (process.url for process in processes)
    decision_id = httpx.post(f"{one}/route", json={"prompt": "x"}).json()["decision_id"]
    report = {"decision_id": decision_id, "correct": 1}
    answers = [httpx.post(f"{url}/outcomes", json=report).json() for url in (two, one)]
    assert [answer["repeated"] for answer in answers] == [False, True]
    for process in processes:
        process.end()
    for load in loads:
        load.join(20)
    take_up(tmp_path / "log.db")
    check_kept(store, loads, tmp_path / "log.db")
    assert [load.wrong for load in loads if load.wrong] == []


def test_promotions_reach_a_running_process_without_a_lost_request(tmp_path: Path, write_policy, processes) -> None:
    process = Process(tmp_path)
    processes.append(process)
    assert "WARNING" in process.said and "safe route" in process.said
    process.ready(503)
    assert httpx.post(f"{process.url}/route", json={"prompt": "x"}).json()["fallback"] == "no-policy"
    write_current(tmp_path / "models", write_policy())
    process.ready()
    load = Load(process.url)
    load.start()
    for i in range(4):
        folder = write_policy(f"p{i}", seed=i + 1)
        version = write_current(tmp_path / "models", folder).version
        until(lambda v=version: httpx.get(f"{process.url}/policies").json()["current"]["version"] == v)
    (folder / "sweep.json").write_text("{}")
    (tmp_path / "models" / "current.json").write_text('{"policy": "p3", "version": "000000000000"}')
    refused = 'tierwise_policy_swaps_total{result="refused"}'
    until(lambda: f"{refused} 0.0" not in httpx.get(f"{process.url}/metrics").text)
    assert httpx.get(f"{process.url}/policies").json()["current"]["version"] == version
    process.end()
    load.join(20)
    assert load.decided and not load.wrong
