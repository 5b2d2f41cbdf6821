"""What providers can reuse of a prompt's beginning, turn by turn: how much stayed the same, and why it did not.

Keeps digests per session, never text. Knows no prices; see router.spend.prefix_advice.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Literal

from router.privacy.leaver import Leaver
from router.requests import Message

Cause = Literal["first", "kept", "expired", "lapsed", "switched", "volatile", "changed"]
CAUSES = ("first", "kept", "expired", "lapsed", "switched", "volatile", "changed")
SHORT_TTL_SECONDS, LONG_TTL_SECONDS = 300.0, 3600.0
MOST_SESSIONS, MOST_MODELS = 20_000, 4
# Dates, times, counters and ids: what templates put into a prompt and forget about.
_NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun"
_VOLATILE = re.compile(
    rf"[0-9a-f]{{8}}-[0-9a-f-]{{27}}|\d[\d:.,/\-T]*(?:Z|[ap]m)?|\b(?:{_NAMES})[a-z]*\b", re.IGNORECASE
)
_MASKED_CHARS = 8_000  # of a message: what moves stands at the beginning, and masking takes time


@dataclass(frozen=True)
class Turn:
    """One request of a session: why its prefix can or cannot be reused, and the share of its characters that stayed.

    kept: reusable. expired: the same, but the session paused longer than five minutes; lapsed: longer than an hour.
    switched: the same, for another model. volatile: only dates, numbers or ids changed in the first message that
    differs. changed: its words did. first: a session's first turn. `share` is what could have been reused (0..1).
    """

    cause: Cause
    share: float


@dataclass(frozen=True)
class _Seen:
    digests: tuple[bytes, ...]
    masked: tuple[bytes, ...]
    model: str
    at: datetime


class PrefixTracker:
    """The last turn of each session with each of its last models, the least recently used forgotten first. Safe to
    share between threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], OrderedDict[str, _Seen]] = OrderedDict()
        self._lock = Lock()

    def observe(
        self, tenant: str, session: str, model: str, messages: Sequence[Message], at: datetime
    ) -> tuple[Turn, Callable[[], None]]:
        """What this turn can reuse of the session's last one, and what to call once it is sent to its model."""
        now = _Seen(*_digests(messages), model, at)
        with self._lock:
            turns = self._seen.get((tenant, session))
            before = next(reversed(turns.values())) if turns else None
        turn = Turn("first", 0.0) if before is None else _compare(before, now, messages)
        return turn, lambda: self._remember((tenant, session), now)

    def forget(self, leaver: Leaver) -> None:
        """Sessions of a tenant begin anew."""
        with self._lock:
            for session in [one for one in self._seen if leaver.named(one[0])]:
                del self._seen[session]

    def _remember(self, session: tuple[str, str], now: _Seen) -> None:
        with self._lock:
            turns = self._seen.setdefault(session, OrderedDict())
            turns[now.model] = now
            turns.move_to_end(now.model)
            if len(turns) > MOST_MODELS:
                turns.popitem(last=False)
            self._seen.move_to_end(session)
            if len(self._seen) > MOST_SESSIONS:
                self._seen.popitem(last=False)

    def held(
        self, tenant: str, session: str, messages: Sequence[Message], at: datetime
    ) -> dict[str, tuple[Cause, float]]:
        """By model that this session has used: how long ago (kept, expired or lapsed), and the share of these messages
        that it was sent then, word for word."""
        with self._lock:
            turns = dict(self._seen.get((tenant, session), {}))
        if not turns:
            return {}
        digests = _plain_digests(messages)
        lengths = [len(message.content) for message in messages]
        total = max(sum(lengths), 1)
        return {
            model: (_pause(before, at), sum(lengths[: _common(before.digests, digests)]) / total)
            for model, before in turns.items()
        }


def _compare(before: _Seen, now: _Seen, messages: Sequence[Message]) -> Turn:
    lengths = [len(message.content) for message in messages]
    total = max(sum(lengths), 1)
    kept = _common(before.digests, now.digests)
    share = sum(lengths[:kept]) / total
    # the last message of the turn before is followed by its answer, so all of that turn should have stayed
    if kept < len(before.digests) and kept < len(now.digests):
        alike = _common(before.masked, now.masked)
        return Turn("volatile" if alike > kept else "changed", sum(lengths[:alike]) / total)
    if before.model != now.model:
        return Turn("switched", share)
    return Turn(_pause(before, now.at), share)


def _pause(before: _Seen, at: datetime) -> Cause:
    seconds = (at - before.at).total_seconds()
    return "lapsed" if seconds > LONG_TTL_SECONDS else "expired" if seconds > SHORT_TTL_SECONDS else "kept"


def _digests(messages: Sequence[Message]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return _plain_digests(messages), tuple(_digest(_masked(text)) for text in map(_text, messages))


def _plain_digests(messages: Sequence[Message]) -> tuple[bytes, ...]:
    return tuple(_digest(text) for text in map(_text, messages))


def _text(message: Message) -> str:
    return f"{message.role}\x00{message.content}\x00{message.rest}"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _masked(text: str) -> str:
    return _VOLATILE.sub("#", text[:_MASKED_CHARS]) + text[_MASKED_CHARS:]


def _common(one: Sequence[bytes], two: Sequence[bytes]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, two)) if a != b), min(len(one), len(two)))
