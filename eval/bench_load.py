"""What serving costs beside what it cannot do without: /route, a cached answer and many callers at once, each beside
the bare encoder and a bare FastAPI endpoint in the same run.

Absolute times belong to the machine; the ratios are what is claimed. Knows the service as a command and as HTTP.
"""

import itertools
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
import pandas as pd

from eval.fault_drills import Served, wait_until
from eval.flood import Flooded, closed_loop, timed_loop
from eval.ledger_race import Row
from router.encoders import load_encoder
from router.intervals import mean
from router.settings import Settings

CLIENTS, ROUNDS, ROUND_SECONDS, BUSY, ARRIVAL_SECONDS = 64, 8, 10.0, 0.7, 600.0
ONE_BY_ONE, WARM = 250, 30
# Whoever would rather wait than be told to come later: 64 callers, or a burst, are not sent away.
PATIENT = {
    "TIERWISE_SHED_AFTER_SECONDS": "20",
    "TIERWISE_ENCODE_TIMEOUT_SECONDS": "20",
    "TIERWISE_MAX_WAITING_REQUESTS": "2000",
}
_ALL_ON = """
[[budgets]]
name = "tenant"
scope = { tenant = "*" }
period = "day"
limit_usd = "100000"
mode = "hard"
[[budgets]]
name = "user"
scope = { user = "*" }
period = "month"
limit_usd = "100000"
mode = "throttle"
"""


@dataclass(frozen=True)
class Load:
    """What the figures of one run share: a policy, its environment, prompts of 10 to 60 words, a folder."""

    policy: Path
    environment: Mapping[str, str]
    prompts: Sequence[str]
    scratch: Path

    @contextmanager
    def served(self, name: str, *arguments: str, **told: str) -> Iterator[Served]:
        """A ready service with a store of its own."""
        environment = {**self.environment, "TIERWISE_STORE_URL": f"sqlite:///{self.scratch / name}.db", **told}
        policy = [] if "--workers" in arguments else ["--policy", str(self.policy)]  # several follow the pointer
        process = Served([*policy, *arguments], environment, self.scratch / f"{name}.log")
        try:
            ready = process.ready()
            Thread(target=_drain, args=(process,), daemon=True).start()  # spans on the console would fill the pipe
            yield ready
        finally:
            process.end(signal.SIGTERM)

    def fresh(self, mark: str) -> Iterator[str]:
        """Prompts that no cache has seen, of the same words."""
        return (f"{text} ({mark} {turn})" for turn in itertools.count() for text in self.prompts)


def load_rows(load: Load, traffic: Path) -> Iterator[Row]:
    """Every figure in turn; about seventeen minutes on two idle cores, ten of them the trace."""
    yield from one_client(load)
    yield from everything_on(load)
    yield from many_clients(load, traffic)


def one_client(load: Load) -> Iterator[Row]:
    """The bare encoder, the echo endpoint, /route and a byte-identical request, one after the other in turn."""
    encoder = load_encoder(Settings(models_dir=Path(load.environment["TIERWISE_MODELS_DIR"])))
    texts, known = load.fresh("one"), load.prompts[0]
    with load.served("one") as service, echo() as echoed, _client(service.url) as ours, _client(echoed) as theirs:
        decided = ours.post("/route", json={"prompt": known}).json()
        ours.post("/outcomes", json={"decision_id": decided["decision_id"], "answer": "Known."}).raise_for_status()
        times: dict[str, list[float]] = {"encoder": [], "echo": [], "/route": [], "cached": []}
        for turn in range(WARM + ONE_BY_ONE):
            text = next(texts)
            steps: dict[str, Callable[[], object]] = {
                "encoder": lambda text=text: encoder.encode([text]),  # type: ignore[misc]
                "echo": lambda text=text: theirs.post("/route", json={"prompt": text}),  # type: ignore[misc]
                "/route": lambda text=text: ours.post("/route", json={"prompt": text}),  # type: ignore[misc]
                "cached": lambda: ours.post("/route", json={"prompt": known}),
            }
            for name, step in steps.items():
                spent = _timed(step)
                if turn >= WARM:
                    times[name].append(spent)
    data = "medagents, 10–60 words"
    both = [one + two for one, two in zip(times["encoder"], times["echo"])]
    yield "/route, one client, seen by the client", _median_of(times["/route"]), ONE_BY_ONE, data
    yield "… over bare encoder + echo (aim 1.3)", _ratio(times["/route"], both), ONE_BY_ONE, data
    yield "a byte-identical request", _median_of(times["cached"]), ONE_BY_ONE, data
    yield "… over echo (aim 1.2)", _ratio(times["cached"], times["echo"]), ONE_BY_ONE, data


def everything_on(load: Load) -> Iterator[Row]:
    """Cache, budgets, exploration, a shadowing candidate and spans on, against all of them off, request by request."""
    spending = load.scratch / "spending.toml"
    spending.write_text(_ALL_ON)
    on = {
        "TIERWISE_SPENDING": str(spending),
        "TIERWISE_EXPLORE_EPSILON": "0.05",
        "TIERWISE_CANDIDATE": str(load.policy),
        "TIERWISE_TRACES": "console",
    }
    texts = load.fresh("on")
    with (
        load.served("on", **on) as full,
        load.served("off", TIERWISE_CACHE="false") as bare,
        _client(full.url) as many,
        _client(bare.url) as few,
    ):
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(WARM + ONE_BY_ONE):
            text = next(texts)
            for place, client in enumerate((many, few)):
                body = {"prompt": text, "user": "ann"}
                spent = _timed(lambda client=client, body=body: client.post("/route", json=body))  # type: ignore[misc]
                if turn >= WARM:
                    times[place].append(spent)
    what = "/route with everything on, over all off (aim 1.15)"
    yield what, _ratio(times[0], times[1]), ONE_BY_ONE, "medagents, 10–60 words"


def many_clients(load: Load, traffic: Path) -> Iterator[Row]:
    """64 at once, in rounds between which the encoder works alone; then ten minutes of a real trace, sped up until the
    encoder is 70 % busy."""
    data, texts = "medagents, 10–60 words", load.fresh("many")
    with load.served("many", **PATIENT) as service:
        closed_loop(service.url, load.fresh("warm"), 8, 5.0)
        alone, found = [encoder_rate(load)], []
        for _ in range(ROUNDS):
            found.append(closed_loop(service.url, texts, CLIENTS, ROUND_SECONDS))
            alone.append(encoder_rate(load))
        rates = [len(one.good) / one.seconds for one in found]
        shares = [rate / statistics.mean(both) for rate, both in zip(rates, itertools.pairwise(alone))]
        n = sum(len(one.good) for one in found)
        said = f"{statistics.mean(rates):.1f}; encoder alone {statistics.mean(alone):.1f}"
        yield f"{CLIENTS} clients, decisions a second", said, n, f"{data}, {ROUNDS} rounds"
        yield "… over the encoder alone (aim .8)", _of_rounds(shares), n, f"{data}, {ROUNDS} rounds"
        every = Flooded(good=[seconds for one in found for seconds in one.good])
        yield "… p99 over median (aim 5)", _tail(every), n, data
        moments = sped_up(traffic / "azure_2023_conv.parquet", BUSY * statistics.mean(alone))
        busy = timed_loop(service.url, load.fresh("trace"), moments)
    others = f"{busy.fallbacks} safe routes, {sum(busy.statuses.values())} errors"
    what = f"azure_2023_conv at {BUSY:.0%} of the encoder for {moments[-1]:.0f} s"
    yield what, f"{_tail(busy)}; {others}", len(moments), "azure_2023_conv arrivals, medagents prompts"


def _of_rounds(values: Sequence[float]) -> str:
    """The mean with Student's t over rounds."""
    found = mean(sum(values), sum(value * value for value in values), len(values))
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def encoder_rate(load: Load, seconds: float = 6.0) -> float:
    """Texts a second that the encoder alone does, on all cores, in whatever batches it likes best."""
    encoder, texts = load_encoder(Settings(models_dir=Path(load.environment["TIERWISE_MODELS_DIR"]))), load.fresh("b")
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        done += len(encoder.encode(list(itertools.islice(texts, 64))))
    return done / (time.perf_counter() - started)


def sped_up(path: Path, per_second: float, seconds: float = ARRIVAL_SECONDS) -> list[float]:
    """Arrivals of a trace for so long, their gaps scaled so that they come at a rate on average; begun anew where it
    ends."""
    arrivals = pd.read_parquet(path, columns=["seconds"])["seconds"].to_numpy()
    gaps = np.diff(arrivals, prepend=arrivals[0])
    many = np.resize(gaps, int(per_second * seconds))
    return list((np.cumsum(many) * (seconds / many.sum())).tolist())


@contextmanager
def echo() -> Iterator[str]:
    """The URL of a bare FastAPI endpoint in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "eval.echo_app:make_app", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "warning", "--no-access-log"])
    try:
        wait_until(lambda: _answers(port), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/route", json={}).status_code == 200
    except httpx.TransportError:
        return False


def _drain(process: Served) -> None:
    with suppress(ValueError):  # it is closed in the end
        for _ in process.process.stdout or ():
            pass


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30)


def _timed(step: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    step()
    return 1e3 * (time.perf_counter() - started)


def _median_of(milliseconds: Sequence[float]) -> str:
    return f"{statistics.median(milliseconds):.2f} ms, p99 {np.percentile(milliseconds, 99):.2f}"


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Of medians, resampled in pairs."""
    pairs = np.array([ours, theirs])
    places = np.random.default_rng(0).integers(0, len(ours), (1000, len(ours)))
    medians = np.median(pairs[:, places], axis=2)
    low, high = np.percentile(medians[0] / medians[1], [2.5, 97.5])
    return f"{np.median(pairs[0]) / np.median(pairs[1]):.2f} [{low:.2f}, {high:.2f}]"


def _tail(found: Flooded) -> str:
    if not found.good:
        return "no decision in time"
    median, p99 = np.percentile(found.good, [50, 99]) * 1e3
    return f"{p99 / median:.1f}: p50 {median:.0f} ms, p99 {p99:.0f} ms"
