"""What fails at the start is tried again, in order, and nothing that worked is done twice."""

from threading import Event

import pytest

from service import loading
from service.loading import until_all_work


def test_what_fails_is_tried_again_and_what_worked_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "FIRST_REST_SECONDS", 0.001)
    done: list[str] = []

    def encoder() -> bool:
        done.append("encoder")
        return done.count("encoder") == 3

    def policy() -> bool:
        done.append("policy")
        return True

    until_all_work([encoder, policy], Event())
    assert done == ["encoder", "policy", "encoder", "encoder"]


def test_a_process_that_stops_does_not_wait_for_what_fails() -> None:
    stopping = Event()
    stopping.set()
    until_all_work([lambda: False], stopping)
