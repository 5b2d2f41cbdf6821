"""The numbers that drift is looked for in: of a report beside its decision, and of a request beside its vector."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from router.drift.monitor import Value
from router.estimate.features import FEATURE_NAMES, text_features
from router.estimate.representation import Representation
from router.log.feed import Known
from router.seen import Seen

FEATURES = ("log_chars", "number_words", "words_code")
_COLUMNS = [FEATURE_NAMES.index(name) for name in FEATURES]
AXES = 4
INPUTS = ("unlike", *FEATURES, *(f"embedding axis {number + 1}" for number in range(AXES)))


def report_values(known: Known) -> Iterator[Value]:
    """What a report says that was not known before; what the cache answered says nothing of the policy.

    Residuals are per tenant and per task; costs and latencies per route, as the logarithm of reported over predicted.
    """
    if known.action != "route":
        return
    predicted, correct = known.option.get("p_correct"), known.correct
    if predicted is not None and correct is not None and {"correct", "status"} & known.fresh:
        yield Value("calibration", "by tenant", known.tenant, correct - predicted)
        if known.task is not None:
            yield Value("calibration", "by task", known.task, correct - predicted)
    for kind, name, expected in (("cost", "usd", "expected_usd"), ("latency", "latency_s", "seconds")):
        said, wanted = known.fact(name), known.option.get(expected)
        if name in known.fresh and said is not None and said > 0 and not known.failed:
            wanted = wanted if wanted is not None and wanted > 0 else 1.0  # then the level itself is followed
            yield Value(kind, "by route", known.route, math.log(said / wanted))  # type: ignore[arg-type]


def request_numbers(seen: Sequence[Seen], representation: Representation) -> np.ndarray:
    """(n, 8): of each request the numbers of INPUTS: how unlike the labels it is, named features, embedding axes."""
    unlike = [one.decision.unlike for one in seen]
    named = [text_features(one.request.text)[_COLUMNS] for one in seen]
    vectors = np.array([one.vector for one in seen], dtype=np.float64)
    return np.column_stack([unlike, named, (vectors - representation.vector_mean) @ representation.axes[:AXES].T])
