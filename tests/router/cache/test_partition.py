"""A partition finds the plausible neighbour and remembers what happened around it."""

from collections.abc import Callable

import numpy as np
import pytest

from router.cache.partition import AnswerRecord, Entry, Partition, Record
from router.cache.risk_model import CONTEXT_FEATURES
from router.cache.verifier import Verifier

Embed = Callable[[str], np.ndarray]


@pytest.fixture
def partition(verifier: Verifier, embed: Embed) -> Partition:
    made = Partition(64, "hashing-64", verifier)
    texts = ["how do I reset my password", "reset my password please", "what is the fare to York", "fare to Leeds"]
    for i, (text, answer) in enumerate(zip(texts, [1, 1, 2, 3])):
        made.add(Entry(i, answer, text, text.encode(), 0.0, Record()), embed(text), AnswerRecord(expires=100.0 + i))
    return made


def look(partition: Partition, embed: Embed, text: str) -> dict[str, float]:
    candidate = partition.candidate(text, embed(text))
    assert candidate is not None
    return dict(zip(CONTEXT_FEATURES, candidate.features)) | {"answer": candidate.answer_id}


def test_wordings_of_one_answer_vote_together(partition: Partition, embed: Embed) -> None:
    found = look(partition, embed, "how do I reset my password please")
    assert found["answer"] == 1
    assert found["same_answer"] == pytest.approx(np.log1p(2))


def test_a_refutation_is_remembered_where_it_happened(partition: Partition, embed: Embed) -> None:
    text = "how do I reset my router password"
    before = look(partition, embed, text)
    candidate = partition.candidate(text, embed(text))
    assert candidate is not None
    partition.learn({candidate.entry_id}, candidate, 0.1, valid=False)
    after = look(partition, embed, text)
    for name in ("entry_record", "answer_record", "above_refuted", "local_surprise"):
        assert after[name] < before[name]
    assert after["local_evidence"] > before["local_evidence"]


def test_what_is_dropped_or_not_allowed_is_not_found(partition: Partition, embed: Embed) -> None:
    text = "fare to Leeds"
    vector = embed(text)
    assert partition.drop_answer(3) == 1
    assert partition.exact(text.encode()) is None
    candidate = partition.candidate(text, vector)
    assert candidate is not None and candidate.answer_id != 3
    assert partition.candidate(text, vector, lambda entry: False) is None


def test_expired_answers_leave_with_every_wording(partition: Partition) -> None:
    assert partition.expire(99.0) == []
    assert partition.expire(101.5) == [1]
    assert len(partition) == 2


def test_worth_grows_with_use_and_fades_without() -> None:
    used, idle = AnswerRecord(usd=0.1, served=5, used=100.0), AnswerRecord(usd=0.1, used=100.0)
    assert used.worth(100.0, 50.0) > idle.worth(100.0, 50.0) > idle.worth(200.0, 50.0) > 0
