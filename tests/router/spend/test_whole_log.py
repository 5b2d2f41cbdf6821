"""A command sees what a running service has acknowledged, stored or not."""

import pytest

from router.cache.guarded import cached_decision
from router.cache.records import CacheLookup
from router.cache.stored import StoredAnswer
from router.decisions import Decision, new_decision_id
from router.errors import InputError, StoreError
from router.log import late
from router.log.late import LateLog
from router.log.store import LogStore
from router.prices import now
from router.requests import Request
from router.spend.late_booking import LateBooking
from router.spend.spending import Spending
from router.spend.whole_log import whole_log

REQUEST = Request.from_prompt("What is 2 + 2?")


def a_hit() -> Decision:
    answer = StoredAnswer(1, "default", "p", "four", "gpt-4o|low", {}, {}, None, "d", 0.002, 0.0, 9.0)
    said = CacheLookup(new_decision_id(), "default", "hit", "same", "exact", answer, 1.0, "y", 0.0, 0.01, 0.02, 1.0)
    return cached_decision(said, REQUEST, "v1", now())


def test_it_holds_what_was_acknowledged_a_moment_ago(store_url: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(late, "DRAIN_SECONDS", 0.05)
    serving = LogStore(store_url, late=LateBooking)
    decision = a_hit()
    booking = Spending().reserving(decision, REQUEST, lambda *given: None)
    serving.append(decision, REQUEST, booking).result(0)
    with whole_log(store_url) as store:
        assert store.decision(decision.decision_id)["action"] == "cached"

    def stuck(self: LateLog, seconds: float = 0.0) -> None:
        raise StoreError("another process hangs")

    monkeypatch.setattr(LateLog, "settle_everywhere", stuck)
    with whole_log(store_url) as store:
        assert store.counts() == (1, 0)
    assert "left out (another process hangs)" in capsys.readouterr().err
    serving.close()


def test_a_misspelt_file_is_refused_and_not_made(tmp_path) -> None:
    missing = tmp_path / "tierwsie.db"
    with pytest.raises(InputError, match="shadow: no such database"), whole_log(f"sqlite:///{missing}", "shadow"):
        pass
    assert not missing.exists()
