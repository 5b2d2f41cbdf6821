"""Drills: a served process under load while something breaks; what callers were told meanwhile, and what is kept.

Knows the service as its users do, a command and HTTP; and the store by its public class.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from router.errors import TierwiseError, UnknownDecisionError
from router.log.store import LogStore
from router.spend.late_booking import LateBooking

START_SECONDS = 120.0


class Served:
    """`python -m service` on a free port. `log` takes what it prints to standard error."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("a") as errors:
            command = [sys.executable, "-m", "service", "--port", "0", *arguments]
            told = {**os.environ, **environment}
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=told)
        self._url = ""

    @property
    def url(self) -> str:
        """Where it listens; waits until it says so. Raises TierwiseError when it ended instead."""
        assert self.process.stdout is not None
        while not self._url:
            line = self.process.stdout.readline()
            if not line:
                raise TierwiseError(f"the service ended with {self.process.wait()}")
            found = re.search(r"http://\S+", line)
            self._url = found.group() if found else ""
        return self._url

    def ready(self) -> "Served":
        wait_until(self._is_ready, START_SECONDS)
        return self

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=30).status_code == 200
        except httpx.TimeoutException:  # its port is open before its workers are
            return False

    def metric(self, name: str) -> float:
        """A sample of /metrics by its full name with labels."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", httpx.get(f"{self.url}/metrics", timeout=30).text, re.M)
        return float(found.group(1)) if found else 0.0

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Signal it, wait for it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@dataclass
class Told:
    """What callers were told. `answers` counts /route's by what they said, `reports` the status codes of /outcomes;
    `slowest` is in seconds; `decided` and `reported` are the ids that were acknowledged as kept."""

    answers: Counter[str] = field(default_factory=Counter)
    reports: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    decided: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        self.answers += other.answers
        self.reports += other.reports
        self.slowest = max(self.slowest, other.slowest)
        self.decided += other.decided
        self.reported += other.reported
        self.odd += other.odd


class Caller(threading.Thread):
    """Routes and reports, one request after the other, until told to stop or until the service is gone. One that does
    not report has decisions in the spool at all times: a report has its own stored at once."""

    def __init__(self, url: str, number: int = 0, reports: bool = True) -> None:
        super().__init__(daemon=True)
        self._reports = reports
        self.told, self._url, self._number, self._stopping = Told(), url, number, threading.Event()

    def run(self) -> None:
        try:
            with httpx.Client(base_url=self._url, timeout=30) as client:
                for turn in range(10**9):
                    if self._stopping.is_set():
                        return
                    self._once(client, f"{self._number}: what is {turn} + 2?")
        except httpx.TransportError:
            return

    def finish(self) -> None:
        self._stopping.set()
        self.join(60)

    def take(self) -> Told:
        """What was told since the last time."""
        told, self.told = self.told, Told()
        return told

    def _once(self, client: httpx.Client, prompt: str) -> None:
        started = time.monotonic()
        answer = client.post("/route", json={"prompt": prompt})
        told = self.told
        told.slowest = max(told.slowest, time.monotonic() - started)
        if answer.status_code != 200:
            told.answers[str(answer.status_code)] += 1
            told.odd += [answer.text] if answer.status_code >= 500 else []
            return
        said = answer.json()
        kind = said["fallback"] or said["action"]
        told.answers[kind if said["logged"] else f"{kind}, unlogged"] += 1
        if said["logged"]:
            told.decided.append(said["decision_id"])
        if self._reports:
            self._report(client, told, said["decision_id"], said["logged"])

    def _report(self, client: httpx.Client, told: Told, decision_id: str, logged: bool) -> None:
        report = {"decision_id": decision_id, "correct": 1, "input_tokens": 9, "output_tokens": 3, "answer": "4"}
        answer = client.post("/outcomes", json=report)
        told.reports[answer.status_code] += 1
        if answer.status_code == 200:
            told.reported.append(decision_id)
        elif answer.status_code not in (503, 429) and logged:
            told.odd.append(answer.text)


@contextmanager
def calling(url: str, callers: int) -> Iterator[Callable[[], Told]]:
    """Callers at work; the function says what they were told since it was last asked."""
    running = [Caller(url, number) for number in range(callers)]
    for one in running:
        one.start()

    def told() -> Told:
        found = Told()
        for one in running:
            found.add(one.take())
        return found

    try:
        yield told
    finally:
        for one in running:
            one.finish()


def lost(store_url: str, told: Told) -> int:
    """How many acknowledged decisions and reports the store does not have once it was taken up again, as the next
    process to start does."""
    missing = 0
    with closing(LogStore(store_url, timeout_seconds=30.0, late=LateBooking)) as store:
        store.recover()
        for decision_id in told.decided:
            try:
                store.decision(decision_id)
            except UnknownDecisionError:
                missing += 1
        for decision_id in told.reported:
            try:
                missing += len(store.reports_of(decision_id)) != 1
            except UnknownDecisionError:
                missing += 1
    return missing


def wait_until(reached: Callable[[], bool], seconds: float) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.02)


def stopped_under_load(start: Callable[[], Served], how: signal.Signals, times: int, callers: int = 3) -> Told:
    """Signal one process after the other under load, the next one starting on the same store meanwhile; everything that
    was acknowledged."""
    everything, following = Told(), start()
    try:
        for turn in range(times):
            process, following = following.ready(), start()
            running = [Caller(process.url, number, reports=number > 0) for number in range(callers)]
            for one in running:
                one.start()
            wait_until(lambda running=running, turn=turn: _acknowledged(running) > 3 + turn % 17, START_SECONDS)  # type: ignore[misc]
            process.end(how)
            for one in running:
                one.finish()
                everything.add(one.take())
    finally:
        following.end()
    return everything


def _acknowledged(callers: Sequence[Caller]) -> int:
    return sum(len(one.told.reported) for one in callers)
