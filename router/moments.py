"""Moments as people write them."""

from datetime import UTC, datetime

from router.errors import InputError


def parse_moment(text: str | None, field: str = "at") -> datetime:
    """ISO 8601, UTC where no zone is given; None is now. Raises InputError."""
    if text is None:
        return datetime.now(tz=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(field, text, "not a moment", "Write it as 2026-11-01 or 2026-11-01T12:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
