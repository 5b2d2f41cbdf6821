"""A replayed cache reads what lives, writes the rest, and forgets in time."""

from pathlib import Path

import pandas as pd
import pytest

from router.spend.prefix_advice import PrefixPrices
from router.spend.prefix_replay import ExpectedShare, replay

TRACE = Path(__file__).parents[4] / "shared" / "data" / "traffic" / "mooncake_conversation.parquet"


def test_a_prefix_is_read_while_it_lives_and_up_to_the_first_block_that_differs() -> None:
    requests = [(0.0, 1024, [1, 2]), (100.0, 1536, [1, 2, 3]), (200.0, 1024, [1, 9]), (900.0, 1024, [1, 2])]
    found = replay(requests, 300.0)
    assert found.shares == (0.0, 1024 / 1536, 0.5, 0.0)
    assert (found.read_tokens, found.written_tokens) == (1536, 1024 + 512 + 512 + 1024)
    assert found.usd(PrefixPrices(1.0, 0.1, 1.25, 2.0), hour=False) == pytest.approx(153.6 + 1.25 * 3072)


def test_reading_renews_a_life() -> None:
    requests = [(250.0 * i, 512, [1]) for i in range(5)]
    assert replay(requests, 300.0).read_tokens == 4 * 512


def test_a_share_is_learnt_by_the_pause() -> None:
    expected = ExpectedShare()
    for _ in range(200):
        expected.learn(30.0, 0.9)
        expected.learn(4000.0, 0.0)
        expected.learn(None, 0.1)
    assert [round(expected.expect(pause), 1) for pause in (30.0, 4000.0, None)] == [0.9, 0.0, 0.1]
    assert ExpectedShare().expect(None) == 0.0


@pytest.mark.skipif(not TRACE.is_file(), reason="the shared traffic traces are not here")
def test_on_a_real_trace_the_reused_blocks_are_found() -> None:
    table = pd.read_parquet(TRACE)
    requests = [(ms / 1000, len(ids) * 512, list(ids)) for ms, ids in zip(table["milliseconds"], table["hash_ids"])]
    assert replay(requests, 1e9).hit_rate == pytest.approx(0.366, abs=0.001)
