"""What the cache's bench counts, and that remembering changes no verdict."""

from pathlib import Path

import numpy as np

from eval.bench_cache import Counts, RememberingVerifier, speed_figures
from eval.cache_replay import Step
from router.cache.verifier import Verifier
from router.encoders import HashingEncoder

SHIPPED = Path(__file__).parents[2] / "models" / "verifier"


def step(action: str, valid: bool | None = True) -> Step:
    return Step(action, 0, 0.9, 0.1, 0.2, valid)


def test_counts_are_of_the_requests_and_of_the_worst_window() -> None:
    steps = [step("hit", False), step("hit"), step("miss", False), step("audit", False)] + [step("miss")] * 4
    found = Counts.of(steps, 0.4, window=2)
    assert found == Counts(hits=0.25, wrong=0.125, worst_window=0.5, audits=0.125, windows_over=1 / 7)
    whole = Counts.of(steps, 0.125, window=100)
    assert (whole.worst_window, whole.windows_over) == (0.125, 0.0)


def test_a_remembering_verifier_says_what_the_verifier_says() -> None:
    verifier = Verifier.load(SHIPPED)
    remembering, texts = RememberingVerifier(verifier), ["when is lunch", "when is dinner", "lunch time"]
    views = [remembering.view(text) for text in texts]
    plain = verifier.logits(views[0], views[1:], [0.8, 0.9])
    for _ in range(2):
        assert np.array_equal(remembering.logits(views[0], views[1:], [0.8, 0.9]), plain)


def test_speed_is_measured_on_as_many_entries_as_asked_for() -> None:
    texts = [f"what does item {i} cost" for i in range(50)]
    rows = list(speed_figures((300,), Verifier.load(SHIPPED), texts, HashingEncoder().encode))
    assert [what for what, *_ in rows] == ["lookup and decision, 300 entries", "memory per entry, 300 entries"]
    assert rows[0][1].startswith("median ") and rows[0][2:] == (1_000, "question_pairs texts, moved")
