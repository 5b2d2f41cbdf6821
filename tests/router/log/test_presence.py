"""Processes on one store: who lives, and that each hears what all must hear."""

import time
from threading import Thread

import pytest

from router.errors import StoreError
from router.log import presence
from router.log.presence import Presence, PresenceStore, told_to_all
from router.privacy.leaver import Leaver


@pytest.fixture(autouse=True)
def quickly(monkeypatch) -> None:
    monkeypatch.setattr(presence, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.02)


def test_everybody_forgets_within_a_second_and_says_so(store_url: str) -> None:
    heard: list[list[Leaver]] = [[], []]
    running = [Presence(PresenceStore(store_url), one.append) for one in heard]
    for one in running:
        one.start()
    deadline = time.monotonic() + 5
    while running[0].count < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    store, started = PresenceStore(store_url), time.monotonic()
    assert told_to_all(store, Leaver.of("acme"))
    assert time.monotonic() - started < 1.0
    assert heard == [[Leaver.of("acme")]] * 2
    for one in running:
        one.stop()
    assert told_to_all(store, Leaver.of("acme"))  # nobody is left to wait for
    store.close()


def test_whoever_cannot_forget_has_not_heard(store_url: str) -> None:
    def fails(leaver: Leaver) -> None:
        raise StoreError("away")

    process, store = Presence(PresenceStore(store_url), fails), PresenceStore(store_url)
    process.look()
    told: list[bool] = []
    telling = Thread(target=lambda: told.append(told_to_all(store, Leaver.of("acme"), 0.15)))
    telling.start()
    while telling.is_alive():
        try:
            process.look()
        except StoreError:
            time.sleep(0.01)
    assert told == [False]
    process.stop()
    store.close()
