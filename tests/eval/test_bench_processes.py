"""What is told of processes that should be one."""

from eval.bench_processes import _apart


def test_promises_that_differ_are_told_with_what_they_differ_in() -> None:
    one = {"requests": 7, "threshold": 0.4}
    assert _apart([one, dict(one)]) == "1 (aim 1)"
    assert _apart([one, {**one, "threshold": 0.31}, one]) == "2 (aim 1); threshold 0.31 to 0.4"
