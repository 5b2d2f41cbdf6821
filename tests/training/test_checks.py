import numpy as np
import pandas as pd

from router.labels import build_labels
from training.checks import label_notes, twin_notes


def table(n=60, **columns):
    base = {"query_id": range(n), "prompt": [f"ask {i * 37 % 101} of {i}" for i in range(n)], "model": "m"}
    return pd.DataFrame(base | {"correct": np.arange(n) % 2} | columns)


def test_an_ordinary_set_gets_no_alarm_but_its_single_route():
    assert label_notes(build_labels(table())) == ["one route only: there is nothing to choose between"]


def test_few_labels_and_constant_labels_are_told():
    notes = label_notes(build_labels(table(n=40, correct=1)))
    assert any("only 40 queries" in note for note in notes) and any("always right" in note for note in notes)


def test_near_duplicates_across_a_split_are_named():
    split = np.where(np.arange(60) < 40, "train", "test")
    prompts = [f"question number {i} about topic {i % 7} and {i * 13 % 59}" for i in range(60)]
    prompts[45] = f"{prompts[3].upper()} and what follows from that for the many others, please tell, please"
    prompts[3] += " and what follows from that for the many others, please tell"
    data = build_labels(table(prompt=prompts, split=split))
    notes = twin_notes(data)
    assert len(notes) == 1 and "test/train" in notes[0]


def test_without_a_split_there_is_nothing_to_leak():
    data = build_labels(table())
    assert twin_notes(data) == []
