"""Inputs of the calculators: which numbers are possible, and an error that names the one that is not."""

import difflib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from router.errors import InputError, TierwiseError

MILLION = Decimal(1_000_000)
DAYS_PER_YEAR, HOURS_PER_YEAR, SECONDS_PER_HOUR = 365, 8760, 3600

Tokens = Annotated[int, Field(ge=0, le=10**15)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Usd = Annotated[Decimal, Field(ge=0, le=10**15)]
Amount = Annotated[Decimal, Field(ge=0, le=10**18)]
Positive = Annotated[Decimal, Field(gt=0, le=10**18)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Utilisation = Annotated[Decimal, Field(gt=0, le=1)]

_ROUNDED_AWAY = Decimal("0.000001")
_BOUNDS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
_WORDS = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}


class Inputs(BaseModel):
    """Frozen, finite, complete: an unknown name is refused, because its number would be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @classmethod
    def read(cls, given: Mapping[str, Any], where: str = "") -> Self:
        """Validate a mapping. Raises InputError naming the first wrong field by its path."""
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            raise input_error(error.errors(include_url=False)[0], cls, where) from error


def input_error(found: ErrorDetails, shape: type[BaseModel], where: str = "") -> InputError:
    """What pydantic found, in our words."""
    cause = (found.get("ctx") or {}).get("error")
    if isinstance(cause, TierwiseError) and isinstance(cause, InputError):
        path = ".".join(str(one) for one in (*filter(None, [where]), *found["loc"], cause.field))
        return InputError(path, cause.value, cause.problem, cause.cure)
    path = ".".join(str(one) for one in (*filter(None, [where]), *found["loc"]))
    value = None if found["type"] == "missing" else found["input"]
    value = float(value) if isinstance(value, Decimal) else value  # as it was written, not as it is kept
    return InputError(path or "scenario", value, _problem(found), _cure(found, shape))


def _problem(found: ErrorDetails) -> str:
    known = {"missing": "missing", "extra_forbidden": "unknown field"}
    if found["type"] in known:
        return known[found["type"]]
    return "out of range" if found["type"] in _BOUNDS else found["msg"].removeprefix("Value error, ").lower()


def _cure(found: ErrorDetails, shape: type[BaseModel]) -> str:
    if found["type"] == "missing":
        return "Add it."
    if found["type"] == "extra_forbidden":
        name, known = str(found["loc"][-1]), list(shape.model_fields)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:6]
        return f"Nearest known: {', '.join(near)}."
    bound = _BOUNDS.get(found["type"])
    if bound:
        return f"Use {_WORDS[bound].format(found['ctx'][bound])}."
    return "Give a value of that kind."


class RefusedError(InputError, ValueError):
    """Raised inside validators: pydantic only catches ValueErrors, and the field must not be lost."""


def check_shares(field: str, shares: Sequence[Decimal]) -> None:
    """Refuse shares that do not add up to 1, but for what printing them rounded away."""
    total = sum(shares, Decimal(0))
    if abs(total - 1) > _ROUNDED_AWAY:
        raise refuse(field, total, "the shares do not add up to 1", "Let them add up to 1.")


def refuse(field: str, value: Any, problem: str, cure: str) -> RefusedError:
    return RefusedError(field, value, problem, cure)
