"""A provider's usage object is read as it came."""

from decimal import Decimal

import pytest

from router.errors import InputError
from router.outcomes import read_outcome
from router.provider_usage import read_usage

CHAT = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 32},
}
RESPONSES = {"input_tokens": 100, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 64}}
CLAUDE = {
    "input_tokens": 10,
    "output_tokens": 50,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "service_tier": "batch",
}
GEMINI = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "cachedContentTokenCount": 64}


@pytest.mark.parametrize(
    "usage, counts",
    [
        (CHAT, {"input_tokens": 100, "output_tokens": 50, "cached_input_tokens": 64, "reasoning_tokens": 32}),
        (RESPONSES, {"input_tokens": 100, "output_tokens": 50, "cached_input_tokens": 64}),
        (CLAUDE, {"input_tokens": 100, "cached_input_tokens": 60, "cache_write_tokens": 10}),
        (CLAUDE, {"cache_write_1h_tokens": 20, "service_tier": "batch"}),
        (GEMINI, {"input_tokens": 100, "output_tokens": 50, "cached_input_tokens": 64, "reasoning_tokens": 30}),
    ],
)
def test_each_provider_counts_in_its_own_way(usage: dict[str, object], counts: dict[str, object]) -> None:
    assert counts.items() <= read_usage(usage).items()


def test_a_report_may_carry_it_and_what_it_states_itself_wins() -> None:
    outcome = read_outcome({"decision_id": "d", "usage": CHAT, "output_tokens": 51, "usd": "0.1"})
    assert (outcome.input_tokens, outcome.output_tokens, outcome.usd) == (100, 51, Decimal("0.1"))


@pytest.mark.parametrize(
    "usage", [3, {}, {"tokens": 4}, {"prompt_tokens": "many"}, {"input_tokens": -1}, CLAUDE | {"input_tokens": "x"}]
)
def test_an_unknown_shape_is_refused(usage: object) -> None:
    with pytest.raises(InputError):
        read_outcome({"decision_id": "d", "usage": usage})
