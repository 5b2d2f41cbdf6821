"""Replays requests with known prefix blocks through a provider's cache of a given life: what is read, what is written.

The trace says the truth (which blocks two requests share), so shares and advice can be checked against it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.spend.prefix_advice import PrefixPrices


@dataclass(frozen=True)
class Replayed:
    """Tokens of a replay, and the cached share of each request in order."""

    input_tokens: int
    read_tokens: int
    written_tokens: int
    shares: tuple[float, ...]

    @property
    def hit_rate(self) -> float:
        return self.read_tokens / self.input_tokens if self.input_tokens else 0.0

    def usd(self, prices: PrefixPrices, hour: bool) -> float:
        """What the input cost with this cache; without caching it is `input_tokens × fresh`."""
        fresh = self.input_tokens - self.read_tokens - self.written_tokens
        write = (prices.write_1h if hour else prices.write_5m) or prices.fresh
        return self.read_tokens * prices.read + self.written_tokens * write + fresh * prices.fresh


def replay(
    requests: Iterable[tuple[float, int, Sequence[int]]], ttl_seconds: float, block_tokens: int = 512
) -> Replayed:
    """`requests` are (seconds, input tokens, prefix block ids) in order of time. A read renews a block's life; every
    whole block that is not read is written."""
    lives: dict[int, float] = {}
    given = read = written = 0
    shares = []
    for at, tokens, blocks in requests:
        warm = 0
        for block in blocks:
            if lives.get(block, float("-inf")) < at:
                break
            warm += 1
        for block in blocks:
            lives[block] = at + ttl_seconds
        hit = min(warm * block_tokens, tokens)
        given, read = given + tokens, read + hit
        written += max(min(len(blocks) * block_tokens, tokens) - hit, 0)
        shares.append(hit / tokens if tokens else 0.0)
    return Replayed(given, read, written, tuple(shares))


class ExpectedShare:
    """The cached share to expect of a session's next turn, learnt from what outcomes reported.

    A turn after a pause of some length reads as much as earlier turns did after such pauses: a mean per class of pause,
    shrunk towards the mean of all (`SHRINK` turns of it). Pauses are classed by what caches live by.
    """

    SHRINK = 5.0
    PAUSES = (60.0, 300.0, 3600.0)

    def __init__(self) -> None:
        self._sums = [0.0] * (len(self.PAUSES) + 2)
        self._counts = [0] * (len(self.PAUSES) + 2)

    def expect(self, pause_seconds: float | None) -> float:
        """The share (0..1) to expect after this pause; None for a session's first turn."""
        place, total = self._place(pause_seconds), sum(self._counts)
        overall = sum(self._sums) / total if total else 0.0
        return (self._sums[place] + self.SHRINK * overall) / (self._counts[place] + self.SHRINK)

    def learn(self, pause_seconds: float | None, share: float) -> None:
        place = self._place(pause_seconds)
        self._sums[place] += share
        self._counts[place] += 1

    def _place(self, pause_seconds: float | None) -> int:
        if pause_seconds is None:
            return len(self.PAUSES) + 1
        return next((i for i, edge in enumerate(self.PAUSES) if pause_seconds <= edge), len(self.PAUSES))
