"""Which alerts were announced, and which are silenced: kept in the ledger, so that several processes announce once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from router.log.database import put
from router.spend.alert_rules import Alert
from router.spend.ledger_tables import alerts, silences

REMIND = timedelta(hours=24)


def announce(connection: Connection, alert: Alert, silence: timedelta) -> bool:
    """Keep an alert; whether it should be sent. One that lasts is sent again after a day, one that comes back within
    `silence` is the same one."""
    at_ms = _ms(alert.at)
    asked = select(silences.c.until_ms).where(silences.c.rule == alert.rule, silences.c.subject == alert.subject)
    until = connection.execute(asked).scalar_one_or_none()
    if until is not None and at_ms < until:
        return False
    known = select(alerts).where(alerts.c.rule == alert.rule, alerts.c.subject == alert.subject)
    last = connection.execute(known.order_by(alerts.c.alert_id.desc()).limit(1)).mappings().one_or_none()
    if last is not None and at_ms - last["seen_ms"] < _span(silence) and at_ms - last["at_ms"] < _span(REMIND):
        seen = alerts.update().where(alerts.c.alert_id == last["alert_id"])
        connection.execute(seen, {"seen_ms": max(at_ms, last["seen_ms"])})
        return False
    row = {"rule": alert.rule, "subject": alert.subject, "at_ms": at_ms, "seen_ms": at_ms}
    connection.execute(alerts.insert(), row | {"message": alert.message, "evidence": dict(alert.evidence)})
    return True


def silence(connection: Connection, rule: str, subject: str, until: datetime) -> None:
    """Do not send this alert before `until`; an earlier moment takes a silence back."""
    put(connection, silences, {"rule": rule, "subject": subject}, {"until_ms": _ms(until)})


def recent(connection: Connection, most: int = 100) -> list[Mapping[str, Any]]:
    """The latest alerts, newest first, JSON-able."""
    rows = connection.execute(select(alerts).order_by(alerts.c.alert_id.desc()).limit(most)).mappings()
    return [
        {
            "rule": row["rule"],
            "subject": row["subject"],
            "at": _moment(row["at_ms"]),
            "last_seen": _moment(row["seen_ms"]),
            "message": row["message"],
            "evidence": row["evidence"],
        }
        for row in rows
    ]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _span(length: timedelta) -> float:
    return length.total_seconds() * 1000


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
