"""Ids of decisions: nobody gets one twice, nobody guesses one, and they rise with time."""

import time
import uuid

from router.decisions import new_decision_id


def test_ids_are_uuids_of_version_7_of_their_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_decision_id() for _ in range(2_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 2_000 == len({one[13:] for one in ids})
    assert all(before <= int(one[:12], 16) <= after for one in ids)
    assert [int(one[:12], 16) for one in ids] == sorted(int(one[:12], 16) for one in ids)
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}


def test_every_random_bit_takes_both_values() -> None:
    seen = [int(new_decision_id(), 16) for _ in range(200)]
    fixed = {*range(76, 128), 62, 63}  # the time with the version, and the variant
    odd = [bit for bit in range(128) if bit not in fixed and len({one >> bit & 1 for one in seen}) == 1]
    assert odd == []
