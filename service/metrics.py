"""What Prometheus reads. Counts the engine's events and HTTP answers; labels come from fixed lists only."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from router.cache.records import CacheLookup, Result
from router.cache.semantic import SemanticCache
from router.decisions import Outcome
from router.events import (
    AnswerTaken,
    CacheFailed,
    Decided,
    EncoderFailed,
    Event,
    PolicyChanged,
    PolicyRefused,
    PolicySwapped,
    RegistryTold,
    Reported,
    ReportFailed,
    ReservationsExpired,
    Shadowed,
    ShadowRun,
    SpendAlert,
    SpendingFileRead,
    SpendingRefused,
    Undecided,
)
from router.safe_route import Cause
from router.spend.prefix_cache import CAUSES
from service.cache_metrics import PromiseCollector
from service.shared_metrics import AwayCollector, LagCollector, everyone, is_alone

STAGES = ("encode", "cache", "decide", "log")
CACHE_STEPS = ("open", "lookup", "learn", "follow", "skipped")
LOOKUPS = ("exact-hit", "semantic-hit", "miss", "audit", "bypass")
UNLOGGED = ("store-error", "store-timeout")
REPORTS = ("recorded", "repeated", "conflicting", "unknown-decision", "store-error", "store-timeout")
REFUSALS = ("BudgetExceededError", "NotGrantedError", "LedgerDownError", "PriceCeilingError")
ACCESS = ("UnknownKeyError", "ForbiddenError", "RateLimitedError", "StoreError")
DRIFT_RULES = ("drift-inputs", "drift-calibration", "drift-cost", "drift-latency", "drift-prices")
ALERT_RULES = (
    "day-spend",
    "tenant-spend",
    "tier-mix",
    "retry-rate",
    "cache-hits",
    "month-forecast",
    *DRIFT_RULES,
    "rollback",
)
AUTOMATIC = ("guardrails", "drift")
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One registry with everything in it; every label value that matters is there from the start, at zero."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._promises: PromiseCollector | None = None
        self.decisions = self._counter("decisions", "Decisions answered.", "action", "tier")
        self.fallbacks = self._counter("fallbacks", "Safe routes answered, by what failed.", "cause")
        self.shed = self._counter("shed_requests", "Requests to /route refused with 429: too many were waiting.")
        self.unlogged = self._counter("unlogged_decisions", "Decisions answered with logged=false.", "cause")
        self.reports = self._counter("outcome_reports", "Reports of outcomes, by what became of them.", "result")
        self.expected_usd = self._counter("expected_usd", "USD that the decided calls were expected to cost.")
        self.billed_usd = self._counter("billed_usd", "USD of calls as reported or priced from reported tokens.")
        self.swaps = self._counter("policy_swaps", "Policies taken or refused.", "result")
        self.encoder_failures = self._counter("encoder_load_failures", "Encoders that could not be loaded.")
        self.errors = self._counter("unexpected_errors", "Requests answered with 500.")
        self.stages = self._histogram("stage_seconds", "Seconds spent in each step of a decision.", "stage")
        self.http = self._histogram("http_request_seconds", "Seconds per HTTP request.", "path", "status")
        self.lookups = self._counter("cache_lookups", "Requests, by what the cache said.", "result")
        self.answers = self._counter("cache_answers", "Answers and verdicts reported, by their fate.", "result")
        self.saved_usd = self._counter("cache_saved_usd", "USD that the calls cost whose answers served again.")
        self.cache_failures = self._counter("cache_failures", "Failures of the cache, by step.", "step")
        self.refused = self._counter("spending_refusals", "Requests refused by budgets, grants or the ledger.", "cause")
        self.throttled = self._counter("throttled_decisions", "Decisions taken under a throttling budget's ceiling.")
        self.crossings = self._counter("budget_crossings", "Alert shares that budgets crossed, by budget.", "budget")
        self.expired = self._counter("expired_reservations", "Reservations released without an outcome.")
        self.spending_file = self._counter("spending_file_reads", "Changed spending files, taken or refused.", "result")
        self.turns = self._counter(
            "prefix_turns", "Turns of sessions, by whether their prefix could be reused.", "cause"
        )
        self.prompt_tokens = self._counter("input_tokens", "Input tokens of reported calls.", "source")
        self.alerts = self._counter("spend_alerts", "Alerts announced, by rule.", "rule", "webhook")
        self.changes = self._counter("policy_changes", "Stages, promotions and rollbacks, by whom.", "action", "source")
        self.syncs = self._counter("registry_syncs", "Tellings of the registry what the pointers say.", "result")
        self.policy = self._gauge("policy_info", "Processes in which this policy decides.", "version")
        self.waiting = self._gauge("decisions_waiting", "Decisions in the making.")
        self.pending = self._gauge("store_pending_records", "Records that wait to be written.")
        self.own = CollectorRegistry()  # what every process knows of all of them
        self._levels: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
        self._version: str | None = None
        self.shadows = self._counter("shadow_decisions", "Requests offered to the candidate, by fate.", "result")
        self.shadow_runs = self._counter("shadow_runs", "Alternatives to be run by the service, by fate.", "result")
        self.candidate_failures = self._counter("candidate_failures", "Decisions that a candidate left undone.")
        self.access = self._counter("access_refusals", "Requests refused before anybody looked at them.", "cause")
        self.rates_apart = self._counter(
            "rates_apart", "Requests of limited keys judged by this process's share of the rate: the store was away."
        )
        self._start_at_zero()

    def _of(self, metric: Any, *labels: str) -> Any:
        """The child of a metric, at hand: looking it up among its siblings costs as much as counting."""
        child = self._children.get((metric, labels))
        if child is None:
            child = self._children[metric, labels] = metric.labels(*labels)
        return child

    def watch(self, waiting: Callable[[], float], pending: Callable[[], float]) -> None:
        """Two levels to read after every request: decisions in the making, records that wait to be written."""
        self._levels = lambda: (waiting(), pending())

    def watch_away(self, parts: Mapping[str, Callable[[], bool]]) -> None:
        """Read which parts are known not to answer, so that nobody waits for them."""
        self.own.register(AwayCollector(parts))

    def watch_registry(self, lags: Callable[[], bool]) -> None:
        """Read whether the aliases in the registry of models are behind the pointers."""
        self.own.register(LagCollector(lags))

    def watch_cache(self, cache: SemanticCache) -> None:
        """Read each tenant's promise, and where it stands, whenever the metrics are read; of the cache named last."""
        if self._promises is not None:
            self.own.unregister(self._promises)
        self._promises = PromiseCollector(cache)
        self.own.register(self._promises)

    def __call__(self, event: Event) -> None:
        match event:
            case Decided():
                self._decided(event)
            case SpendingRefused():
                self.refused.labels(type(event.refusal).__name__).inc()
            case ReservationsExpired():
                self.expired.inc(event.count)
            case SpendAlert():
                self.alerts.labels(event.alert.rule, "delivered" if event.delivered else "undelivered").inc()
            case SpendingFileRead():
                self.spending_file.labels("refused" if event.problem else "taken").inc()
            case Reported():
                kind = "repeated" if event.repeated else "conflicting" if event.conflicting else "recorded"
                self.reports.labels(kind).inc()
                # a counter only grows; a report that corrects a bill downwards shows in the store alone
                self.billed_usd.inc(max(event.usd, 0.0))
                if event.outcome is not None and not event.repeated:
                    self._tokens(event.outcome)
            case ReportFailed():
                self.reports.labels(event.cause).inc()
            case PolicySwapped():
                self.swaps.labels("swapped").inc()
                self._decides(event.version)
            case PolicyChanged():
                who = event.change.by if event.change.by in AUTOMATIC else "operator"
                self.changes.labels(event.change.action, who).inc()
            case RegistryTold():
                self.syncs.labels("failed" if event.problem else "synced").inc()
            case PolicyRefused():
                self.swaps.labels("refused").inc()
            case EncoderFailed():
                self.encoder_failures.inc()
            case CacheFailed():
                self.cache_failures.labels(event.step).inc()
            case AnswerTaken():
                self.answers.labels(event.result).inc()
            case Undecided(instead="incumbent"):
                self.candidate_failures.inc()
            case Shadowed():
                self.shadows.labels(event.result).inc(event.count)
            case ShadowRun():
                self.shadow_runs.labels(event.result).inc()

    def refused_access(self, refused: Exception) -> None:
        self.access.labels(type(refused).__name__).inc()

    def answered(self, path: str, status: int, seconds: float) -> None:
        self._of(self.http, path, str(status)).observe(seconds)
        self._read_levels()

    def render(self) -> bytes:
        """Prometheus text: of all processes behind this port where there are several."""
        self._read_levels()
        return generate_latest(everyone(self.registry)) + generate_latest(self.own)

    def _read_levels(self) -> None:
        waiting, pending = self._levels()
        self.waiting.set(waiting)
        self.pending.set(pending)

    def _decides(self, version: str) -> None:
        if self._version is not None:
            self.policy.labels(self._version).set(0)
        if is_alone():  # files that processes share keep what is cleared
            self.policy.clear()
        self.policy.labels(version).set(1)
        self._version = version

    def _decided(self, event: Decided) -> None:
        decision = event.decision
        self._of(self.decisions, decision.action, decision.chosen.tier).inc()
        if decision.lookup is not None:
            self._looked_up(decision.lookup, event)
        if decision.fallback is not None:
            self.fallbacks.labels(decision.fallback).inc()
        elif decision.action == "route":
            self.expected_usd.inc(decision.chosen.expected_usd)
            self._of(self.stages, "encode").observe(event.encode_seconds)
            self._of(self.stages, "decide").observe(event.decide_seconds)
        self._of(self.stages, "log").observe(event.log_seconds)
        if event.charged is not None and event.charged.prefix is not None:
            self.turns.labels(event.charged.prefix).inc()
        if decision.ceiling_usd is not None:
            self.throttled.inc()
        for standing, _ in event.charged.crossed if event.charged else ():
            self.crossings.labels(standing.applied.budget.name).inc()
        if event.unlogged is not None:
            self.unlogged.labels(event.unlogged).inc()

    def _looked_up(self, lookup: CacheLookup, event: Decided) -> None:
        self._of(self.lookups, f"{lookup.tier}-hit" if lookup.action == "hit" else lookup.action).inc()
        self._of(self.stages, "cache").observe(event.cache_seconds)
        self.saved_usd.inc(lookup.usd_saved)

    def _tokens(self, outcome: Outcome) -> None:
        """The hit rate of providers' prefix caches is cached over all."""
        cached = min(outcome.cached_input_tokens or 0, outcome.input_tokens or 0)
        self.prompt_tokens.labels("cached").inc(cached)
        self.prompt_tokens.labels("fresh").inc((outcome.input_tokens or 0) - cached)

    def _start_at_zero(self) -> None:
        for metric, values in (
            (self.fallbacks, get_args(Cause)),
            (self.unlogged, UNLOGGED),
            (self.reports, REPORTS),
            (self.swaps, ("swapped", "refused")),
            (self.syncs, ("synced", "failed")),
            (self.refused, REFUSALS),
            (self.turns, CAUSES),
            (self.access, ACCESS),
            (self.prompt_tokens, ("cached", "fresh")),
            (self.spending_file, ("taken", "refused")),
            (self.stages, STAGES),
            (self.lookups, LOOKUPS),
            (self.answers, get_args(Result)),
            (self.cache_failures, CACHE_STEPS),
            (self.shadows, get_args(Shadowed.__annotations__["result"])),
            (self.shadow_runs, get_args(ShadowRun.__annotations__["result"])),
        ):
            for value in values:
                metric.labels(value)
        for rule in ALERT_RULES:
            self.alerts.labels(rule, "delivered")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tierwise_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"tierwise_{name}", text, labels, registry=self.registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"tierwise_{name}", text, labels, buckets=SECONDS, registry=self.registry)
