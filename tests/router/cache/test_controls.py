"""What a caller may ask of the cache, and what is refused by name."""

import pytest

from router.cache.controls import CacheControls
from router.errors import InputError


def test_nothing_said_is_the_default() -> None:
    assert CacheControls.from_mapping({}) == CacheControls()
    assert CacheControls.from_mapping({"scope": "user", "max_age_seconds": 0}) == CacheControls(
        scope="user", max_age_seconds=0
    )


@pytest.mark.parametrize("body", [{"no_cache": 1}, {"max_age_seconds": -1}, {"scope": "world"}, {"cash": True}])
def test_wrong_controls_are_refused_by_name(body: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"cache.{next(iter(body))}"):
        CacheControls.from_mapping(body)
