"""The whole estimator on tiny worlds whose P(correct) is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from router.estimate.estimators import Estimates, Estimator
from router.labels import LabelMatrix
from router.routes import Route
from training.estimators import FittedEstimator, fit_estimator

FIELDS = ("p", "p_low", "p_high", "input_tokens", "output_tokens", "output_tokens_high", "seconds", "unlike")


def labels(
    correct: np.ndarray, texts: list[str], tasks: list[str | None] | None = None, **cells: np.ndarray
) -> LabelMatrix:
    n, routes = correct.shape
    empty = np.full((n, routes), np.nan)
    names = ("input_tokens", "output_tokens", "cost_usd", "latency_s", "agreement", "confidence")
    return LabelMatrix(
        query_ids=tuple(f"q{i}" for i in range(n)),
        texts=tuple(texts),
        context_chars=np.array([len(text) for text in texts]),
        tasks=tuple(tasks or [None] * n),
        groups=np.arange(n),
        routes=tuple(Route(f"m{r // 2}", ("none", "high")[r % 2]) for r in range(routes)),
        correct=correct,
        split=(None,) * n,
        **{name: cells.get(name, empty) for name in names},
    )


def world(n: int, seed: int = 0, routes: int = 4) -> tuple[LabelMatrix, np.ndarray, np.ndarray]:
    """Two kinds of request: sums, which need effort, and chat, which does not. Returns labels, vectors, true P."""
    rng = np.random.default_rng(seed)
    sums = rng.random(n) < 0.5
    texts = [
        f"compute {i * 37 % 91} + {i * 53 % 89} = ?" if one else f"tell a story, number {i}"
        for i, one in enumerate(sums)
    ]
    vectors = rng.normal(size=(n, 12)) + 3 * np.where(sums[:, None], np.eye(12)[0], np.eye(12)[1])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    effort = np.arange(routes) % 2
    truth = np.where(sums[:, None], 0.25 + 0.6 * effort, 0.85)
    tokens = rng.lognormal(4 + effort, 0.4, size=(n, routes))
    correct = (rng.random((n, routes)) < truth).astype(float)
    data = labels(correct, texts, ["sum" if one else "chat" for one in sums], output_tokens=tokens)
    return data, vectors.astype(np.float32), truth


def predict(estimator: Estimator, data: LabelMatrix, vectors: np.ndarray, given: bool = False) -> Estimates:
    tasks = data.tasks if given else [None] * data.n
    return estimator.predict(data.texts, vectors, tasks, data.context_chars)


@pytest.fixture(scope="module")
def fitted() -> tuple[FittedEstimator, LabelMatrix, np.ndarray]:
    data, vectors, _ = world(240)
    return fit_estimator(data, vectors, seed=1), data, vectors


def test_a_known_probability_is_recovered(fitted: tuple) -> None:
    data, vectors, truth = world(300, seed=5)
    estimates = predict(fitted[0].estimator, data, vectors)
    assert np.abs(estimates.p - truth).mean() < 0.08
    assert ((estimates.p_low <= estimates.p) & (estimates.p <= estimates.p_high)).all()
    assert ((estimates.p_low <= truth) & (truth <= estimates.p_high)).mean() > 0.9


def test_alone_and_in_a_batch_are_the_same_bits(fitted: tuple) -> None:
    estimator, data, vectors = fitted[0].estimator, fitted[1], fitted[2]
    for given in (False, True):
        batch = predict(estimator, data, vectors, given)
        for i in range(0, data.n, 7):
            one = predict(estimator, data.subset([i]), vectors[i : i + 1], given)
            for name in FIELDS:
                assert np.array_equal(getattr(one, name)[0], getattr(batch, name)[i]), name


def test_saved_and_loaded_is_identical(fitted: tuple, tmp_path: Path) -> None:
    estimator, data, vectors = fitted[0].estimator, fitted[1], fitted[2]
    estimator.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy", ".txt", ".json"}
    before, after = predict(estimator, data, vectors), predict(Estimator.load(tmp_path), data, vectors)
    assert all(np.array_equal(getattr(before, name), getattr(after, name)) for name in FIELDS)
    assert before.task == after.task


def test_a_damaged_part_is_refused(fitted: tuple, tmp_path: Path) -> None:
    fitted[0].estimator.save(tmp_path)
    (tmp_path / "members.booster.txt").write_text("tree\n", encoding="utf-8")
    with pytest.raises(ValueError):
        Estimator.load(tmp_path)


def test_the_same_seed_gives_the_same_estimator() -> None:
    data, vectors, _ = world(60)
    one, two = (fit_estimator(data, vectors, seed=3) for _ in range(2))
    assert np.array_equal(one.out_of_fold.p, two.out_of_fold.p)
    assert np.array_equal(predict(one.estimator, data, vectors).p, predict(two.estimator, data, vectors).p)


def test_shuffled_outcomes_give_no_skill() -> None:
    data, vectors, _ = world(240)
    shuffled = np.random.default_rng(2).permutation(data.correct.ravel()).reshape(data.correct.shape)
    p = fit_estimator(labels(shuffled, list(data.texts), list(data.tasks)), vectors).out_of_fold.p
    error, of_the_mean = ((p - shuffled) ** 2).mean(), shuffled.var()
    assert error > 0.985 * of_the_mean
    assert abs(np.corrcoef(p.ravel(), shuffled.ravel())[0, 1]) < 0.12


def test_missing_cells_are_normal() -> None:
    data, vectors, truth = world(300, seed=3)
    correct = np.where(np.random.default_rng(0).random(data.correct.shape) < 0.6, np.nan, data.correct)
    estimator = fit_estimator(labels(correct, list(data.texts), list(data.tasks)), vectors).estimator
    assert np.abs(predict(estimator, data, vectors).p - truth).mean() < 0.13


def test_more_labels_help() -> None:
    held, vectors, truth = world(200, seed=9)
    errors = []
    for n in (24, 400):
        data, seen, _ = world(n, seed=4)
        errors.append(np.abs(predict(fit_estimator(data, seen).estimator, held, vectors).p - truth).mean())
    assert errors[1] < errors[0]


def test_requests_unlike_the_labels_get_wider_intervals(fitted: tuple) -> None:
    estimator, data, vectors = fitted[0].estimator, fitted[1], fitted[2]
    strange = np.zeros_like(vectors)
    strange[:, -1] = -1.0
    near, far = predict(estimator, data, vectors), predict(estimator, data, strange)
    assert far.unlike.mean() > near.unlike.mean() + 0.25
    assert (far.p_high - far.p_low).mean() > (near.p_high - near.p_low).mean()


def test_the_high_quantile_covers_out_of_fold(fitted: tuple) -> None:
    tokens = fitted[0].report["output_tokens"]
    assert 0.92 <= tokens["coverage"] <= 0.98 and not tokens["assumed"]


def test_without_tokens_the_stated_default_is_reported() -> None:
    data, vectors, _ = world(30)
    fit = fit_estimator(labels(data.correct, list(data.texts)), vectors)
    assert fit.report["output_tokens"]["assumed"]
    assert (fit.out_of_fold.output_tokens == 256).all() and (fit.out_of_fold.seconds == 0).all()
    assert fit.out_of_fold.input_tokens[0, 0] == pytest.approx(len(data.texts[0]) / 4)


def test_the_report_is_json_and_names_every_candidate(fitted: tuple) -> None:
    report = json.loads(json.dumps(fitted[0].report, allow_nan=False))
    candidates = report["blends"]["task unknown"]["candidates"]
    assert {"table", "neighbours", "linear", "trees", "weighted members", "base rates"} <= set(candidates)
    assert report["trees"]["count"] > 0 and report["calibration"]["m0|none"]["labels"] == 240


@pytest.mark.parametrize(("n", "routes"), [(1, 1), (1, 3), (2, 2), (3, 1), (40, 1), (12, 28)])
@pytest.mark.parametrize("outcome", [0.0, 1.0, 0.3, None])
def test_degenerate_sets_work(n: int, routes: int, outcome: float | None) -> None:
    data, vectors, _ = world(n, routes=routes)
    correct = data.correct if outcome is None else np.full((n, routes), outcome)
    fit = fit_estimator(labels(correct, list(data.texts), list(data.tasks)), vectors)
    for estimates in (fit.out_of_fold, predict(fit.estimator, data, vectors)):
        assert estimates.p.shape == (n, routes)
        assert all(np.isfinite(getattr(estimates, name)).all() for name in FIELDS)
        assert ((estimates.p >= 0) & (estimates.p <= 1)).all()


def test_a_route_with_one_label_leans_on_the_others() -> None:
    data, vectors, _ = world(80)
    correct = data.correct.copy()
    correct[1:, 0] = np.nan
    correct[0, 0] = 0.0
    p = predict(fit_estimator(labels(correct, list(data.texts)), vectors).estimator, data, vectors).p
    assert 0.2 < p[:, 0].mean() < 0.8


def test_an_empty_batch_is_empty(fitted: tuple) -> None:
    estimates = fitted[0].estimator.predict([], np.zeros((0, 12), dtype=np.float32), [], np.zeros(0))
    assert estimates.p.shape == (0, 4) and estimates.task == ()


def test_a_cell_counts_as_often_as_it_says() -> None:
    """Right and wrong answers of a route, equally many; the right ones are to weigh three times as much."""
    rng = np.random.default_rng(0)
    correct = np.column_stack([np.arange(160) % 2, np.arange(160) // 2 % 2]).astype(float)
    vectors = rng.normal(size=(160, 12)).astype(np.float32)
    data = labels(correct, [f"say {i}" for i in range(160)])
    weighed = replace(data, weight=np.column_stack([np.where(correct[:, 0] > 0, 1.5, 0.5), np.ones(160)]))
    plain, heavy = (fit_estimator(one, vectors).out_of_fold.p.mean(axis=0) for one in (data, weighed))
    assert plain == pytest.approx([0.5, 0.5], abs=0.05)
    assert heavy[0] > 0.6 and heavy[0] > heavy[1] + 0.03
