"""An alert is announced once, again after a day, and never while it is silenced."""

from datetime import UTC, datetime, timedelta

from router.log.store import LogStore
from router.spend.alert_log import announce, recent, silence
from router.spend.alert_rules import Alert

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)


def alert(hours: float, subject: str = "acme") -> Alert:
    return Alert("tenant-spend", subject, AT + timedelta(hours=hours), "acme spends", {"usd": 3.0})


def announced(store: LogStore, *hours: float) -> list[bool]:
    return [store.write(lambda c, one=one: announce(c, alert(one), SIX_HOURS)).result(5) for one in hours]


def test_one_that_lasts_is_announced_once_and_reminded_of_after_a_day(store: LogStore) -> None:
    assert announced(store, 0, 5, 10, 15, 20, 25, 40) == [True, False, False, False, False, True, True]


def test_one_that_comes_back_after_the_silence_is_new(store: LogStore) -> None:
    assert announced(store, 0, 6.5) == [True, True]
    assert store.write(lambda c: announce(c, alert(6.6, "other"), SIX_HOURS)).result(5)


def test_a_silence_holds_until_its_moment_and_can_be_taken_back(store: LogStore) -> None:
    for until in (AT + timedelta(hours=9), AT + timedelta(hours=2)):
        store.write(lambda c, until=until: silence(c, "tenant-spend", "acme", until)).result(5)
    assert announced(store, 1, 3) == [False, True]


def test_what_was_announced_can_be_read_with_its_evidence(store: LogStore) -> None:
    announced(store, 0, 1)
    with store.reading() as connection:
        [found] = recent(connection)
    assert (found["subject"], found["evidence"], found["last_seen"]) == (
        "acme",
        {"usd": 3.0},
        "2026-03-01T13:00:00+00:00",
    )
