"""How much may still be spent today. Reserves what a call may cost at most, and corrects it when the bill is known."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from threading import Lock

from router.prices import now


class DailyCap:
    """USD per UTC day, for one process. Share one between threads."""

    def __init__(self, usd: float, clock: Callable[[], datetime] = now) -> None:
        self.usd, self._clock, self._lock = usd, clock, Lock()
        self._day: date | None = None
        self._spent = 0.0

    @property
    def spent(self) -> float:
        with self._lock:
            self._turn()
            return self._spent

    def take(self, usd: float) -> bool:
        """Hold an amount where there is room for it."""
        with self._lock:
            self._turn()
            if self._spent + usd > self.usd:
                return False
            self._spent += usd
            return True

    def correct(self, held: float, billed: float) -> None:
        """Replace what was held by what was billed."""
        with self._lock:
            self._turn()
            self._spent = max(self._spent + billed - held, 0.0)

    def _turn(self) -> None:
        today = self._clock().astimezone(UTC).date()
        if today != self._day:
            self._day, self._spent = today, 0.0
