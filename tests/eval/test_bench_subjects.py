import pandas as pd

from eval.bench_subjects import FOLDS, subject_folds


def test_every_subject_is_judged_once_by_a_training_that_never_saw_it():
    tasks = [f"s{i}" for i in range(12)]
    rows = [(task, split) for task in tasks for split in ("train", "test") for _ in range(3)]
    table = pd.DataFrame(rows, columns=["task", "split"])
    judged = []
    for part in subject_folds(table):
        train, test = (set(part[part["split"] == split]["task"]) for split in ("train", "test"))
        assert not train & test and train | test == set(tasks)
        judged += sorted(test)
    assert len(judged) == len(tasks) and set(judged) == set(tasks) and FOLDS > 1
