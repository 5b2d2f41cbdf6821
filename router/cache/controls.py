"""What one caller asks of the cache for one request. Knows names and bounds; knows no requests and no entries."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from router.errors import InputError

Scope = Literal["tenant", "user", "session"]


@dataclass(frozen=True)
class CacheControls:
    """What one caller asks of the cache for one request.

    `no_cache` neither serves nor stores, `no_store` serves but does not store, `refresh` does not serve and stores the
    new answer in place of an old one. `scope` narrows who may share: everyone of the tenant, one user, one session.
    """

    no_cache: bool = False
    no_store: bool = False
    refresh: bool = False
    max_age_seconds: float | None = None
    scope: Scope = "tenant"

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "CacheControls":
        """Validate the `cache` object of a request body. Raises InputError naming the field."""
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise InputError(f"cache.{unknown[0]}", given[unknown[0]], "unknown cache control", f"Known: {known}.")
        for name in ("no_cache", "no_store", "refresh"):
            if not isinstance(given.get(name, False), bool):
                raise InputError(f"cache.{name}", given[name], "neither true nor false", "Send true or false.")
        age = given.get("max_age_seconds")
        number = isinstance(age, (int, float)) and not isinstance(age, bool) and math.isfinite(age) and age >= 0
        if age is not None and not number:
            raise InputError("cache.max_age_seconds", age, "not a number of seconds", "Send a number from 0.")
        if given.get("scope", "tenant") not in ("tenant", "user", "session"):
            raise InputError("cache.scope", given["scope"], "unknown scope", "Use tenant, user or session.")
        return cls(**given)
