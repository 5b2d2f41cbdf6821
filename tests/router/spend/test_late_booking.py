"""A booking that is written down and read again books the same."""

from datetime import UTC, datetime

import orjson

from router.spend.budgets import Estimate
from router.spend.late_booking import LateBooking
from router.spend.ledger import NewCall
from router.spend.ownership import Owner

CALL = NewCall(
    call_id="one",
    at=datetime(2026, 3, 1, 12, 30, 1, 250, tzinfo=UTC),
    owner=Owner("acme", "ann", feature="chat", tags={"team": "red"}),
    model="gpt-4o",
    effort="low",
    tier="cached",
    estimate=Estimate(1, 2, 3),
    kind="cache",
    saved_cache=2_000_000_001,
)


def test_written_and_read_it_is_the_same() -> None:
    assert LateBooking.from_dict(orjson.loads(orjson.dumps(LateBooking(CALL).to_dict()))) == LateBooking(CALL)
