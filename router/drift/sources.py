"""The numbers that drift is looked for in: of a report beside its decision, and of a request beside its vector."""

import math
from collections.abc import Iterator

import numpy as np

from router.drift.monitor import Value
from router.estimate.features import FEATURE_NAMES, text_features
from router.estimate.representation import Representation
from router.log.feed import Known
from router.seen import Seen

FEATURES = ("log_chars", "number_words", "words_code")
_COLUMNS = [FEATURE_NAMES.index(name) for name in FEATURES]
AXES = 4


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


def request_values(seen: Seen, representation: Representation) -> Iterator[Value]:
    """Of a request, within its tenant: how unlike the labels it is, some named features, the embedding's first axes."""
    tenant = seen.request.tenant
    yield Value("inputs", "unlike", tenant, seen.decision.unlike)
    features = text_features(seen.request.text)
    for name, column in zip(FEATURES, _COLUMNS):
        yield Value("inputs", name, tenant, float(features[column]))
    axes = representation.axes[:AXES] @ (np.asarray(seen.vector, dtype=np.float64) - representation.vector_mean)
    for number, value in enumerate(axes.tolist()):
        yield Value("inputs", f"embedding axis {number + 1}", tenant, value)
