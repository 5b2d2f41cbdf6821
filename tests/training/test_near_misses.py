"""Edits keep or change what is asked, as their label says, and repeat for a seed."""

from training.near_misses import edited_pairs

TEXTS = [
    "How do I get from Rome to Oslo in 3 days?",
    "What is the best way to learn chess quickly",
    "which is the largest state",
    "where can I park here",
]


def words(text: str, rng: object) -> list[str]:
    return ["zebra", "violin"]


def test_pairs_are_balanced_differ_and_repeat() -> None:
    pairs = edited_pairs(TEXTS, words, 400, seed=1)
    assert 0.4 < sum(pair.same for pair in pairs) / 400 < 0.6
    assert all(pair.cached != pair.incoming for pair in pairs)
    assert pairs == edited_pairs(TEXTS, words, 400, seed=1)


def test_changes_are_of_many_kinds_and_only_where_the_label_says() -> None:
    pairs = edited_pairs(TEXTS, words, 1_000, seed=2)
    changed = " ".join(pair.incoming for pair in pairs if not pair.same)
    kept = " ".join(pair.incoming for pair in pairs if pair.same)
    for sign in ("zebra", "smallest", "can not", "Oslo to Rome", "4 days"):
        assert sign in changed, sign
        assert sign not in kept, sign
