"""Two routes, a cheap one whose answer may be looked at and a dear one."""

from collections.abc import Callable

import numpy as np
import pytest

from router.plans.answer_evidence import SIGNALS, AnswerEvidence

Make = Callable[..., AnswerEvidence]


@pytest.fixture(scope="session")
def evidence_of() -> Make:
    """Evidence whose bins tell so much of right and of wrong answers."""

    def build(right: list[float], wrong: list[float], calls: float = 3.0) -> AnswerEvidence:
        shape = (2, len(SIGNALS))
        return AnswerEvidence(
            np.array([True, False]), np.array([calls, 1.0]), np.zeros(shape), np.ones(shape), np.zeros(shape),
            np.full((2, 1), np.inf), np.tile(right, (2, 1)), np.tile(wrong, (2, 1)), np.ones((2, 2)),
        )  # fmt: skip

    return build


@pytest.fixture(scope="session")
def telling(evidence_of: Make) -> AnswerEvidence:
    return evidence_of([0.05, 0.95], [0.95, 0.05])
