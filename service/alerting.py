"""Sends what is odd about spend: to the log, to the metrics, and to a webhook. Knows when to keep quiet."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import httpx

from router.events import Hook, SpendAlert, tell
from router.log.store import LogStore
from router.money import to_usd
from router.prices import now
from router.spend import alert_log
from router.spend.alert_rules import Alert, find_alerts, month_forecast
from router.spend.forecast import forecast_month
from router.spend.report import daily_spend
from router.spend.spending_file import AlertSettings
from router.spend.watch import SpendWatch

SEND_SECONDS = 5.0
Send = Callable[[str, dict[str, object]], None]


def post(url: str, body: dict[str, object]) -> None:
    """POST JSON. Raises httpx.HTTPError."""
    httpx.post(url, json=body, timeout=SEND_SECONDS).raise_for_status()


class Alerting:
    """Looks at the ledger when told to. Call from one thread."""

    def __init__(
        self,
        store: LogStore,
        settings: Callable[[], AlertSettings],
        hooks: Sequence[Hook],
        clock: Callable[[], datetime] = now,
        send: Send = post,
    ) -> None:
        self._store, self._settings, self._hooks, self._clock, self._send = store, settings, hooks, clock, send
        self._watch = SpendWatch()

    def look(self) -> list[Alert]:
        """Announce what is new and not silenced; what was announced. Raises StoreError where the ledger is away."""
        settings, at = self._settings(), self._clock()
        with self._store.reading() as connection:
            end = self._watch.read(connection, at)
            daily = daily_spend(connection, {}, at) if settings.month_usd is not None else {}
        found = find_alerts(self._watch.series, end)
        if settings.month_usd is not None:
            found += _forecast(daily, settings, at)
        return self.announce(found)

    def announce(self, found: Sequence[Alert]) -> list[Alert]:
        """Send what is new and not silenced; what was sent. Raises StoreError where the store is away."""
        settings = self._settings()
        silence = timedelta(minutes=settings.silence_minutes)
        fresh = [one for one in found if self._announced(one, silence)]
        for alert in fresh:
            tell(self._hooks, SpendAlert(alert, self._delivered(alert, settings.webhook)))
        return fresh

    def _announced(self, alert: Alert, silence: timedelta) -> bool:
        return self._store.write(lambda connection: alert_log.announce(connection, alert, silence)).result(SEND_SECONDS)

    def _delivered(self, alert: Alert, webhook: str | None) -> bool:
        """Whether the webhook took it; without one there is nobody to miss it."""
        if webhook is None:
            return True
        body = {"rule": alert.rule, "subject": alert.subject, "at": alert.at.isoformat(), "text": alert.message}
        try:
            self._send(webhook, {**body, "evidence": dict(alert.evidence)})
        except (httpx.HTTPError, OSError):
            return False
        return True


def _forecast(daily: Mapping[date, int], settings: AlertSettings, at: datetime) -> list[Alert]:
    sums = {day: float(to_usd(pico)) for day, pico in daily.items()}
    today = at.astimezone(UTC).date()
    spent_today = sums.pop(today, 0.0)
    found = forecast_month(sums, today, spent_today)
    if found is None or settings.month_usd is None:
        return []
    return list(month_forecast(found.expected, found.low, float(settings.month_usd), at))
