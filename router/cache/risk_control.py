"""Keeps the share of wrong answers within what the operator bears. Knows risks and labels; knows no texts or entries.

The promise: over every window of `window` requests, with 95 % confidence, wrong answers are at most `max_wrong` times
the requests (or times the hits). A hit reveals nothing, so wrong hits are counted by their estimated risk, and the
estimate is held against evidence: each label of a miss or an audited hit compares what the risks foretold with what
happened. Their ratio has a gamma posterior, the number of unseen wrong hits is then negative binomial, and a request is
served only while the upper quantile of that number stays within the budget. Little evidence or surprises widen the
quantile, and the cache misses.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Action = Literal["hit", "miss", "audit"]
Seen = tuple[float | None, Action]  # a request's risk, and what was decided


@dataclass(frozen=True)
class BudgetRules:
    """`quantile` is the normal quantile of the upper bound: above 1.64, because windows overlap and the highest of
    many is looked at. At least `audit_share` of would-be hits are asked anew to learn the truth. Before any evidence,
    `prior_events` wrong answers are assumed seen, `prior_ratio` times as many as were foretold. Evidence fades by
    half within `half_life` requests, and in a second, wary memory within `short_half_life`. `most_risk` bounds the
    risk of a single hit. Evidence never counts for more than `most_events` wrong answers: it is yesterday's."""

    max_wrong: float = 0.01
    per: Literal["requests", "hits"] = "requests"
    window: int = 1_000
    quantile: float = 2.0
    audit_share: float = 0.02
    prior_events: float = 2.0
    prior_ratio: float = 1.0
    half_life: int = 2_500
    short_half_life: int = 250
    most_risk: float = 0.4
    most_events: float = 7.0
    save_every: int = 16


@dataclass(frozen=True)
class Promise:
    """What is promised and where it stands, for people and metrics. Shares are of the budget's denominator."""

    max_wrong: float
    per: str
    requests: int
    hits: int
    audits: int
    audited_wrong: int
    reported_wrong: int
    estimate: float
    upper: float
    threshold: float


class BudgetControl:
    """One tenant's budget. Not thread-safe: its owner holds a lock."""

    def __init__(self, rules: BudgetRules = BudgetRules(), seed: int = 0) -> None:
        self.rules = rules
        self._random = np.random.default_rng(seed)
        self._spent = np.zeros(rules.window)  # the risk of each hit of the window, 0 for a miss
        self._hit = np.zeros(rules.window, bool)
        self._risks = np.full(rules.window, np.nan)  # of each request with a neighbour, served or not
        # Evidence, weighted: labels that were wrong, and how many were foretold; over a long and a short memory.
        self._evidence = np.zeros((2, 2))
        self._fade = 0.5 ** (1 / np.array([[rules.half_life], [rules.short_half_life]]))
        self._total_spent = 0.0
        self._total_hits = 0
        self._worth = 0  # requests of the window at or below the threshold: the hits it would make
        self.threshold = 0.0
        self.requests = self.hits = self.audits = self.audited_wrong = self.reported_wrong = 0
        self._news: deque[Seen] = deque(maxlen=rules.window)
        self._unseen = 0.0  # what other processes have spent that is not known here yet, as far as can be foreseen

    def decide(self, risk: float | None, may_serve: bool = True) -> Action:
        """One request has come; `risk` is None where no neighbour exists. Call once per request, in order."""
        at = self._advance(risk)
        action = self._decided(risk, may_serve)
        self._count(at, risk, action)
        self._news.append((risk, action))
        return action

    def exact_hit(self) -> None:
        """A byte-identical request was answered: a request and a hit, without risk."""
        self._count(self._advance(None), None, "hit")
        self._news.append((None, "hit"))

    def drain(self) -> list[Seen]:
        """What was decided since the last call, for other processes to count too; the last window of it at most."""
        news = list(self._news)
        self._news.clear()
        return news

    def replay(self, seen: Iterable[Seen]) -> None:
        """Count what other processes decided for this tenant as if it had been decided here. Call once per look at
        them, also when there is nothing: what they spent since the last look is what they may have spent again since.
        """
        self._unseen = 0.0
        for risk, action in seen:
            self._count(self._advance(risk), risk, action)
            self._unseen += (risk or 0.0) if action == "hit" else 0.0

    def take_back(self) -> None:
        """The hit that was just decided could not be served after all."""
        at = (self.requests - 1) % self.rules.window
        if self._hit[at]:
            self._total_spent -= float(self._spent[at])
            self._total_hits -= 1
            self._spent[at], self._hit[at] = 0.0, False
            self.hits -= 1
            self._news[-1] = (self._news[-1][0], "miss")

    def learn(self, risk: float, wrong: bool, audited: bool = False) -> None:
        """The truth about a neighbour's answer has come. Labels far above the threshold say little about hits."""
        near = max(self.threshold, 0.01)
        if risk <= 5 * near:
            weight = near / (near + risk)
            self._evidence += weight * np.array([float(wrong), risk])
        self.audited_wrong += audited and wrong

    def report_wrong(self, risk: float) -> None:
        """A served answer was wrong, a person says: as sure as evidence gets, and spent beyond what was foretold."""
        self.reported_wrong += 1
        self._evidence += np.array([1.0, risk])
        at = (self.requests - 1) % self.rules.window
        self._spent[at] += 1.0 - risk
        self._total_spent += 1.0 - risk

    def promise(self) -> Promise:
        counted = max(self._denominator(), 1)
        ratio, _ = self._ratio()
        return Promise(
            self.rules.max_wrong, self.rules.per, self.requests, self.hits, self.audits, self.audited_wrong,
            self.reported_wrong, self._total_spent * ratio / counted, self._upper(self._total_spent) / counted,
            self.threshold,
        )  # fmt: skip

    def _decided(self, risk: float | None, may_serve: bool) -> Action:
        if risk is None or not may_serve or risk > self.threshold or not self._affordable(risk):
            return "miss"
        return "audit" if self._random.random() < self.audit_chance(risk) else "hit"

    def _count(self, at: int, risk: float | None, action: Action) -> None:
        if action == "hit":
            self._spent[at], self._hit[at] = risk or 0.0, True
            self._total_spent += risk or 0.0
            self._total_hits += 1
            self.hits += 1
        self.audits += action == "audit"

    def _advance(self, risk: float | None) -> int:
        at = self.requests % self.rules.window
        self._total_spent = max(0.0, self._total_spent - float(self._spent[at]))
        self._total_hits -= int(self._hit[at])
        self._spent[at], self._hit[at] = 0.0, False
        self._risks[at] = np.nan if risk is None else risk
        self.requests += 1
        self._evidence *= self._fade
        if self.requests % 20 == 0:
            self.threshold = self._find_threshold()
        return at

    def audit_chance(self, risk: float) -> float:
        """With what probability a would-be hit is asked anew. The truth about a riskier hit tells more and costs less;
        where misses tell much, less of it is needed."""
        need = min(1.0, self.rules.most_events / (self.rules.prior_events + float(self._evidence[0, 0])))
        return min(0.25, self.rules.audit_share + need * risk / 3)

    def _denominator(self) -> int:
        return min(self.requests, self.rules.window) if self.rules.per == "requests" else self._total_hits

    def _affordable(self, risk: float) -> bool:
        # A share of hits means nothing over the first few: a window's budget counts the hits that the window is worth.
        counted = self._denominator() if self.rules.per == "requests" else max(self._total_hits + 1, self._worth)
        return self._upper(self._total_spent + self._unseen + risk) <= self.rules.max_wrong * counted

    def _ratio(self) -> tuple[float, float]:
        """How many wrong answers come per foretold one, and on how many wrong answers that rests.

        The short memory starts from what the long one says and only ever raises it: trust is earned slowly and lost
        at once.
        """
        prior, (long, short) = self.rules.prior_events, self._evidence.tolist()
        events = prior + long[0]
        ratio = events / (prior / self.rules.prior_ratio + long[1])
        recent = (prior + short[0]) / (prior / ratio + short[1])
        return max(ratio, recent), min(events, self.rules.most_events)

    def _upper(self, spent: float) -> float:
        """Upper quantile of the number of wrong answers among hits whose risks sum to `spent`."""
        ratio, events = self._ratio()
        mean = spent * ratio
        return mean + self.rules.quantile * math.sqrt(mean + mean * mean / events)

    def _find_threshold(self) -> float:
        """The highest risk worth serving: as many hits as the budget's pace allows, the safest first."""
        seen = min(self.requests, self.rules.window)
        risks = np.sort(self._risks[:seen][~np.isnan(self._risks[:seen])])
        if not len(risks):
            return 0.0
        ratio, events = self._ratio()
        mean = np.cumsum(risks) * ratio
        upper = mean + self.rules.quantile * np.sqrt(mean + mean * mean / events)
        counted = seen if self.rules.per == "requests" else np.arange(1, len(risks) + 1)
        within = np.flatnonzero(upper <= self.rules.max_wrong * counted)
        self._worth = int(within[-1]) + 1 if len(within) else 0
        return min(float(risks[within[-1]]), self.rules.most_risk) if len(within) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `restore` takes. The generator is left out: an audit must not be foreseeable."""
        return {
            "window": self.rules.window,
            "spent": [float(np.float32(x)) for x in self._spent],
            "hit": "".join("1" if x else "0" for x in self._hit),
            "risks": [None if math.isnan(x) else float(np.float32(x)) for x in self._risks],
            "evidence": self._evidence.tolist(),
            "threshold": self.threshold,
            "counts": [self.requests, self.hits, self.audits, self.audited_wrong, self.reported_wrong],
        }

    def restore(self, state: Mapping[str, Any]) -> bool:
        """Take a saved state; False, and nothing changes, where it is of another window or damaged.

        Hits served after the last save are unknown. As many as can have been are charged at the threshold.
        """
        try:
            spent, hit = np.array(state["spent"], float), np.array([x == "1" for x in state["hit"]])
            risks = np.array([math.nan if x is None else x for x in state["risks"]], float)
            evidence = np.array(state["evidence"], float)
            counts, threshold = [int(x) for x in state["counts"]], float(state["threshold"])
        except (KeyError, TypeError, ValueError):
            return False
        if not spent.ndim == hit.ndim == risks.ndim == 1:
            return False
        if {len(spent), len(hit), len(risks)} != {self.rules.window} or evidence.shape != (2, 2):
            return False
        if len(counts) != 5 or min(counts) < 0 or not (np.isfinite(evidence).all() and evidence.min() >= 0):
            return False
        if not (np.isfinite(spent).all() and spent.min() >= 0 and threshold >= 0):
            return False
        self._spent, self._hit, self._risks = spent, hit, risks
        self._evidence, self.threshold = evidence, min(threshold, self.rules.most_risk)
        self.requests, self.hits, self.audits, self.audited_wrong, self.reported_wrong = counts
        if self.requests:
            self._spent[(self.requests - 1) % self.rules.window] += self.rules.save_every * self.threshold
        self._total_spent, self._total_hits = float(self._spent.sum()), int(self._hit.sum())
        return True
