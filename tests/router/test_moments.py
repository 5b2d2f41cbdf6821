"""Moments as people write them, and the calendar's ends, where arithmetic would overflow."""

from datetime import UTC, datetime

import pytest

from router.errors import InputError
from router.moments import parse_moment


def test_a_moment_without_a_zone_is_utc() -> None:
    assert parse_moment("2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert parse_moment("2026-11-01T02:00+02:00") == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "1969-12-31", "2201-01-01"])
def test_the_ends_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="since: out of range"):
        parse_moment(text, "since")
