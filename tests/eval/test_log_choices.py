"""Which decisions of a log tell what the incumbent would take: its own."""

from datetime import UTC, datetime

import numpy as np
import pytest

from eval.log_choices import LogPart, only_of
from router.errors import InputError
from router.off_policy.logged import Logged, logged_of
from router.policy import Policy


def logged(*versions: str) -> Logged:
    option = {"route": "a|none", "p_correct": 0.7, "expected_usd": 0.1}
    row = {"action": "route", "route": "a|none", "propensity": 1.0, "options": [option], "task": None, "tenant": "t"}
    row |= {"text_sha256": "", "text": None, "context_chars": 0, "at": datetime(2026, 3, 1, tzinfo=UTC)}
    return logged_of([(row | {"decision_id": f"d{i}", "policy": one}, None) for i, one in enumerate(versions)])


def test_a_candidate_with_traffic_does_not_pass_for_the_incumbent(tiny_policy: Policy) -> None:
    mine, others = only_of(
        tiny_policy, logged(tiny_policy.version, "next", tiny_policy.version), LogPart("sqlite:///x")
    )
    assert mine.decision_id.tolist() == ["d0", "d2"] and others == 1 and np.all(mine.policy == tiny_policy.version)


def test_a_log_of_others_names_them(tiny_policy: Policy) -> None:
    with pytest.raises(InputError, match="it holds those of next, old"):
        only_of(tiny_policy, logged("old", "next"), LogPart("sqlite:///x"))
