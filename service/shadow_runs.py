"""Runs alternatives at an endpoint: in a thread of its own, from a bounded queue, under a daily cap.

Knows what to call and how to score it; nothing of the request path. A stuck endpoint fills the queue, and then
alternatives are left out and counted.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any

from router.decisions import Outcome
from router.events import Hook, ShadowRun, tell
from router.log.store import LogStore
from router.outcomes import Pricer
from router.prices import Usage, now
from router.privacy.leaver import Leaver, drop_waiting
from router.requests import Request
from router.routes import Route
from router.seen import Seen
from router.shadow.checkers import check
from router.shadow.comparison import Comparison
from router.shadow.daily_cap import DailyCap
from router.shadow.suitable import chat_body
from service.endpoint import Completion, Endpoint, EndpointError

WAITING, REMEMBERED = 100, 1000
STORE_SECONDS = 10.0
UNKNOWN_USD = 0.01  # held for a call that nobody prices
_JUDGE = (
    "Question:\n{question}\n\nAnswer:\n{answer}\n\nIs this answer correct and complete? Reply with one word: yes or no."
)
Settling = Callable[[], Callable[..., None]]


@dataclass
class Open:
    """An alternative that was run: what is known for scoring it. Texts live here only, and only until it is scored."""

    tenant: str
    question: str
    answer: str | None = None
    own: str | None = None
    reference: str | None = None
    checker: Any = "exact"


class ShadowRuns:
    """A watcher of reports. `judge` is a model at the endpoint that scores where no reference is reported; None:
    nothing is judged."""

    def __init__(
        self,
        endpoint: Endpoint,
        cap: DailyCap,
        store: LogStore,
        price: Pricer,
        settling: Settling,
        judge: str | None = None,
        hooks: Sequence[Hook] = (),
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._endpoint, self.cap, self._store, self._price, self._settling = endpoint, cap, store, price, settling
        self._judge, self._hooks, self._clock = judge, tuple(hooks), clock
        self._queue: Queue[tuple[str, Callable[[], None]]] = Queue(WAITING)
        self._open: OrderedDict[str, Open] = OrderedDict()
        self._lock, self._stopping = Lock(), Event()
        self._thread = Thread(target=self._loop, name="shadow-runs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, seconds: float = 1.0) -> None:
        """Stop after the present call, or leave it: what it would have told is lost, and nothing else."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def run(self, request: Request, comparison: Comparison) -> None:
        """Take an alternative in, without blocking."""
        alternative = comparison.alternative()
        if alternative is None:
            return
        body = chat_body(request, alternative)
        if body is None:
            tell(self._hooks, ShadowRun("unsuitable"))
            return
        decision_id = comparison.taken.decision_id
        with self._lock:
            self._open[decision_id] = Open(request.tenant, request.text)
            while len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
        most = comparison.instead.chosen.upper_usd
        self._submit(request.tenant, lambda: self._run(decision_id, request.tenant, alternative, body, most))

    def offer(self, seen: Seen) -> None:
        """Alternatives come from the shadow, through `run`."""

    def hear(self, report: Mapping[str, Any]) -> None:
        """What a validated report brings for scoring: its own answer, or a reference."""
        decision_id = str(report.get("decision_id"))
        shadow, answer = report.get("shadow"), report.get("answer")
        with self._lock:
            known = self._open.get(decision_id)
            if known is None:
                return
            if isinstance(shadow, Mapping) and shadow.get("reference") is not None:
                known.reference, known.checker = shadow["reference"], shadow.get("checker", "exact")
            if answer is not None:
                known.own = answer if isinstance(answer, str) else answer["content"]
        self._submit(known.tenant, lambda: self._score(decision_id))

    def forget(self, leaver: Leaver) -> None:
        """What was not scored of a tenant is not scored any more, and what was not run is not run."""
        drop_waiting(self._queue, leaver)
        with self._lock:
            for decision_id in [one for one, known in self._open.items() if leaver.named(known.tenant)]:
                del self._open[decision_id]

    def work(self) -> None:
        """Do everything that waits now."""
        try:
            while True:
                self._attempt(self._queue.get_nowait()[1])
        except Empty:
            return

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._attempt(self._queue.get(timeout=0.5)[1])
            except Empty:
                continue
        self._endpoint.close()

    def _attempt(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:  # whatever an endpoint or a store does, the next alternative is run
            tell(self._hooks, ShadowRun("failed"))

    def _submit(self, tenant: str, job: Callable[[], None]) -> None:
        try:
            self._queue.put_nowait((tenant, job))
        except Full:
            tell(self._hooks, ShadowRun("dropped"))

    def _run(
        self, decision_id: str, tenant: str, alternative: Mapping[str, Any], body: Mapping[str, Any], most: float
    ) -> None:
        done = self._asked(body, most, Route.parse(alternative["route"]))
        if done is None:
            return
        told = {**done.usage, "latency_s": done.seconds, "route": alternative["route"], "status": "ok"}
        self._report(decision_id, tenant, told, key="run")
        tell(self._hooks, ShadowRun("done"))
        with self._lock:
            if decision_id in self._open:
                self._open[decision_id].answer = done.text
        self._score(decision_id)

    def _asked(self, body: Mapping[str, Any], most: float, route: Route) -> Completion | None:
        """The answer, paid from the cap; None where there is no room. What a failed call held stays spent: it may be
        billed all the same."""
        held = most if most == most else UNKNOWN_USD
        taken = self.cap.take(held)
        if taken is None:
            tell(self._hooks, ShadowRun("over-cap"))
            return None
        done = self._endpoint.complete(body)
        tokens = done.usage.get("input_tokens"), done.usage.get("output_tokens")
        billed = None if None in tokens else self._price(route, Usage(*tokens), self._clock())  # type: ignore[arg-type]
        if billed is not None:
            self.cap.correct(taken, float(billed))
        return done

    def _score(self, decision_id: str) -> None:
        """Score both answers alike, once enough is known to."""
        with self._lock:
            known = self._open.get(decision_id)
            if known is None or known.answer is None or (known.reference is None and known.own is None):
                return
            if known.reference is None and self._judge is None:
                return
            del self._open[decision_id]
        sides = {"correct": known.answer, **({"incumbent_correct": known.own} if known.own is not None else {})}
        if known.reference is not None:
            scored: dict[str, Any] = {name: check(text, known.reference, known.checker) for name, text in sides.items()}
            self._report(decision_id, known.tenant, {**scored, "scored_by": known.checker}, key="score")
        else:
            self._judged(decision_id, known, sides)

    def _judged(self, decision_id: str, known: Open, sides: Mapping[str, str]) -> None:
        assert self._judge is not None
        scored: dict[str, Any] = {"scored_by": f"judge {self._judge}"}
        calls: list[Mapping[str, Any]] = []
        for name, answer in sides.items():
            words = _JUDGE.format(question=known.question, answer=answer)
            route = Route(self._judge, "none")
            guess = self._price(route, Usage(len(words) // 3, 16), self._clock())
            body = {"model": self._judge, "messages": [{"role": "user", "content": words}], "max_completion_tokens": 16}
            done = self._asked(body, UNKNOWN_USD if guess is None else float(guess), route)
            if done is None:
                return
            scored[name] = _yes(done.text)
            counts = {key: done.usage[key] for key in ("input_tokens", "output_tokens") if key in done.usage}
            calls.append({"kind": "judge", "model": self._judge, "effort": "none", **counts})
        self._report(decision_id, known.tenant, scored, "score", tuple(calls))
        tell(self._hooks, ShadowRun("judged"))

    def _report(
        self,
        decision_id: str,
        tenant: str,
        shadow: Mapping[str, Any],
        key: str,
        calls: tuple[Mapping[str, Any], ...] | None = None,
    ) -> None:
        outcome = Outcome(decision_id, tenant, shadow=shadow, calls=calls)
        self._store.report(outcome, self._price, f"tierwise:shadow-{key}", self._settling()).result(STORE_SECONDS)


def _yes(text: str) -> float:
    """A judge's word. Raises EndpointError for anything but yes or no."""
    word = text.strip().casefold().lstrip("*\"' ")
    if word.startswith(("yes", "no")):
        return float(word.startswith("yes"))
    raise EndpointError("the judge said neither yes nor no")
