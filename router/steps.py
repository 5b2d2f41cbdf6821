"""The steps of one decision, each failing in one way: a StepError that names the cause the safe route answers with.

Knows encoder and policy; nothing of threads, deadlines or logs. What only the caller can mend stays an InputError.
"""

import math
from datetime import datetime

import numpy as np

from router.decisions import Decision, Option
from router.encoders import Encoder, encode_text
from router.errors import ConstraintError, InputError, PolicyFileError
from router.policy import SHOWN_ALTERNATIVES, Policy
from router.requests import Request
from router.safe_route import Cause

TRIAL = Request.from_prompt("Is this policy fit to decide?")
CALLERS_FIELDS = ("constraints.", "value_usd", "objective")


class StepError(Exception):
    """A step failed in a way that the safe route answers. `__cause__` is what happened."""

    def __init__(self, cause: Cause) -> None:
        self.cause: Cause = cause
        super().__init__(cause)


def encode(encoder: Encoder | None, request: Request) -> np.ndarray:
    """The request's vector. Raises StepError."""
    if encoder is None:
        raise StepError("encoder-error")
    try:
        vector = encode_text(encoder, request.text)
        if vector.shape != (encoder.identity.dim,) or not np.isfinite(vector).all():
            raise ValueError("the encoder gave no usable vector")
    except Exception as error:
        raise StepError("encoder-error") from error
    return vector


def choose(
    policy: Policy, request: Request, vector: np.ndarray, at: datetime, shown: int | None = SHOWN_ALTERNATIVES
) -> Decision:
    """The policy's decision. Raises StepError, and InputError for what the caller asked that cannot be."""
    try:
        decision = policy.decide(request, vector, at, shown)
        if not all(map(_usable, (decision.chosen, *decision.alternatives))):
            raise ValueError("the policy's estimates are not numbers")
    except InputError as error:
        if isinstance(error, ConstraintError) or error.field.startswith(CALLERS_FIELDS):
            raise
        raise StepError(_blame(policy, at)) from error
    except Exception as error:
        raise StepError(_blame(policy, at)) from error
    return decision


def choose_among_all(policy: Policy, request: Request, vector: np.ndarray, at: datetime) -> Decision:
    """The same with every feasible route beside it, for whoever explores: what is not listed cannot be tried."""
    return choose(policy, request, vector, at, shown=None)


def _blame(policy: Policy, at: datetime) -> Cause:
    """Whether a failed decision is the prices' fault: they are then looked up again, alone."""
    try:
        for route in policy.routes:
            policy.book.rates(route, at)
    except Exception:
        return "price-error"
    return "policy-error"


def _usable(option: Option) -> bool:
    return math.isfinite(option.p_correct + option.p_low + option.p_high + option.expected_usd)


def try_out(policy: Policy, encoder: Encoder, at: datetime) -> None:
    """Decide something once. Raises PolicyFileError when that fails."""
    try:
        choose(policy, TRIAL, encode(encoder, TRIAL), at)
    except (StepError, InputError) as error:
        why = error.__cause__ or error
        raise PolicyFileError(f"{policy.folder}: a trial decision failed ({type(why).__name__}: {why})") from error
