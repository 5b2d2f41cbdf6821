"""Moments as people write them."""

from datetime import UTC, datetime

from router.errors import InputError

FIRST_YEAR, LAST_YEAR = 1970, 2200


def parse_moment(text: str | None, field: str = "at") -> datetime:
    """ISO 8601 between FIRST_YEAR and LAST_YEAR, UTC where no zone is given; None is now. Raises InputError."""
    if text is None:
        return datetime.now(tz=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(field, text, "not a moment", "Write it as 2026-11-01 or 2026-11-01T12:00Z.") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:  # at the calendar's ends, arithmetic on moments overflows
        raise InputError(field, text, "out of range", f"Use a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
