"""What a provider should still hold of a session's beginning, for each model that the session has used.

The tracker knows what stayed the same; what was read of it is learnt from the token counts that outcomes report. Kept
in memory: a new process begins with what the providers document.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from router.decisions import Decision, Outcome
from router.offers import LEAST_PREFIX_TOKENS
from router.policy import Policy
from router.privacy.leaver import Leaver
from router.requests import Request, Warm
from router.spend.prefix_cache import PrefixTracker, Turn

# Before any report: the part of an unchanged prefix that is read, by how long the session paused. Caches that work by
# themselves live for 5 to 10 minutes, at most an hour; the others hold nothing until a caller writes to them.
DOCUMENTED: Mapping[str, float] = {"kept": 0.9, "expired": 0.4, "lapsed": 0.0}
BY_THEMSELVES = frozenset({"openai", "azure", "google", "deepseek", "x-ai", "moonshotai"})
PRIOR_TURNS = 3.0
MOST_LEARNT = 10_000


class ReadShares:
    """The part of an unchanged prefix that a provider reads from its cache: a mean per tenant, provider and pause,
    shrunk towards what is documented. Safe to share between threads."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._lock = Lock()

    def expect(self, tenant: str, provider: str | None, pause: str) -> float:
        """From 0 to 1; `pause` is the turn's cause: kept, expired or lapsed."""
        usual = DOCUMENTED.get(pause, 0.0) if provider in BY_THEMSELVES else 0.0
        total, turns = self._sums.get((tenant, provider or "", pause), (0.0, 0.0))
        return (total + PRIOR_TURNS * usual) / (turns + PRIOR_TURNS)

    def learn(self, tenant: str, provider: str | None, pause: str, read: float) -> None:
        """One turn read this part (0..1) of its unchanged prefix."""
        if pause not in DOCUMENTED:
            return
        key = (tenant, provider or "", pause)
        with self._lock:
            if key not in self._sums and len(self._sums) >= MOST_LEARNT:
                return
            total, turns = self._sums.get(key, (0.0, 0.0))
            self._sums[key] = total + min(max(read, 0.0), 1.0), turns + 1.0

    def forget(self, leaver: Leaver) -> None:
        """What a tenant's turns have taught."""
        with self._lock:
            for key in [one for one in self._sums if leaver.named(one[0])]:
                del self._sums[key]


class Sessions:
    """The sessions of one process: what of each turn stayed the same, and what providers read of that."""

    def __init__(self) -> None:
        self._prefixes, self._reads = PrefixTracker(), ReadShares()

    def warmed(self, request: Request, policy: Policy, at: datetime) -> Request:
        """The request with what the providers should still hold of its session; itself where it has none."""
        if request.session is None:
            return request
        warm = {}
        for model, (pause, share) in self._prefixes.held(request.tenant, request.session, request.messages, at).items():
            provider = next((spec.provider for route, spec in policy.specs.items() if route.model == model), None)
            read = self._reads.expect(request.tenant, provider, pause)
            if share > 0 and read > 0:
                warm[model] = Warm(share, read)
        return replace(request, warm=warm) if warm else request

    def forget(self, leaver: Leaver) -> None:
        """A tenant's sessions; of one that leaves also what they taught."""
        self._prefixes.forget(leaver)
        if leaver.whole:
            self._reads.forget(leaver)

    def turn(self, decision: Decision, request: Request) -> tuple[Turn | None, Callable[[], None]]:
        """What the provider's prefix cache can reuse (nobody knows for a request without a session), and what to call
        once the turn is sure to be sent."""
        if request.session is None:
            return None, lambda: None
        model = decision.chosen.route.model
        return self._prefixes.observe(request.tenant, request.session, model, request.messages, decision.at)

    def learn(self, call: Mapping[str, Any], said: Outcome) -> None:
        """What a reported call (its row in the ledger) read of the part of its prompt that had stayed the same."""
        share, given, read = call["prefix_share"], said.input_tokens, said.cached_input_tokens
        if share and given and read is not None and share * given >= LEAST_PREFIX_TOKENS:
            self._reads.learn(call["tenant"], call["provider"], call["prefix"], read / (share * given))
