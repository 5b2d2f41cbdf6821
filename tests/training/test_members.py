"""Members: nothing that one reads of another holds the row's own outcome."""

import numpy as np

from training.members import known_tasks, leave_out_looks


def test_rows_of_one_group_are_no_neighbours() -> None:
    vectors = np.tile(np.eye(2, dtype=np.float32), (3, 1))
    residual = np.arange(6.0)[:, None]
    alone = leave_out_looks(vectors, np.arange(6), residual)
    assert alone[0].similarity == 1.0
    grouped = leave_out_looks(vectors, np.array([0, 1, 0, 1, 0, 1]), residual)
    assert grouped[0].similarity == 0.0


def test_one_group_alone_has_no_neighbours() -> None:
    looks = leave_out_looks(np.eye(3, dtype=np.float32), np.zeros(3, dtype=int), np.ones((3, 2)))
    assert not any(look.wide.any() for look in looks)


def test_rare_and_missing_tasks_are_unknown() -> None:
    names, number = known_tasks(("a",) * 4 + ("b", None))
    assert names == ("a",) and list(number) == [0, 0, 0, 0, -1, -1]
