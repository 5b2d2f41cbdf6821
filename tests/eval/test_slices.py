import numpy as np

from eval.slices import Judged, find_losses, slice_all
from eval.sweeps import sweep_of_picks
from router.labels import LabelMatrix


def judged(data: LabelMatrix, picks: np.ndarray, correct: np.ndarray | None = None) -> Judged:
    correct = data.correct if correct is None else correct
    point = sweep_of_picks("router", "Router", picks[:, None], correct, data.cost_usd)
    return Judged(point, tuple(r.key for r in data.routes), data.cost_usd, correct, value_usd=0.1)


def test_a_planted_loss_is_found_and_called_sure(data: LabelMatrix) -> None:
    hard = np.array(data.tasks) == "sums"
    correct = np.ones_like(data.correct)
    correct[hard, 0] = 0.0  # the cheapest route, which the policy always takes
    found = slice_all(data, judged(data, np.zeros(data.n, int), correct), None, 200)
    lost = {one.name: one for one in found}
    assert lost["sums"].loses and not lost["words"].loses
    planted = LabelMatrix(**{**vars(data), "correct": correct})
    losses = find_losses(planted, data.cost_usd, judged(planted, np.zeros(data.n, int)), np.full(data.n, 0.5))
    assert losses.errors.wrong == 0.5 and losses.errors.nobody_right == 0
    assert {one.task for one in losses.queries} == {"sums"}


def test_the_same_route_everywhere_never_loses_to_itself(data: LabelMatrix) -> None:
    one = judged(data, np.full(data.n, 2))
    alone = Judged(one.point, one.labels[2:], one.usd[:, 2:], one.correct[:, 2:], one.value_usd)
    assert not any(s.loses or s.rival.sure for s in slice_all(data, alone, None, 50))


def test_fifths_run_from_hard_to_easy(data: LabelMatrix) -> None:
    p = np.random.default_rng(0).random(data.correct.shape)
    fifths = [s for s in slice_all(data, judged(data, np.zeros(data.n, int)), p, 20) if s.kind == "difficulty"]
    assert fifths[0].name == "hardest fifth" and sum(s.n for s in fifths) == data.n


def test_prompts_can_be_kept_out(data: LabelMatrix) -> None:
    shown, hidden = (
        find_losses(data, data.cost_usd, judged(data, np.zeros(data.n, int)), np.full(data.n, np.nan), flag).queries
        for flag in (True, False)
    )
    assert "question" in shown[0].excerpt and not any(one.excerpt for one in hidden)
    assert shown[0].p_correct is None
