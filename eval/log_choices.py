"""What a policy would have decided on logged requests. Needs their texts: from the log, or from a file of prompts.

The log keeps texts only where TIERWISE_STORE_TEXT says so; else it keeps their hashes, by which prompts that are kept
elsewhere are found again. Constraints of single requests are not logged, so a choice may be one that was not allowed:
it then counts as out of reach.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from eval.decide import read_queries
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.errors import InputError
from router.estimate.linear_algebra import one_blas_thread
from router.off_policy.logged import Logged, read_logged
from router.policy import Policy, text_digest
from router.spend.whole_log import whole_log


@dataclass(frozen=True)
class LogPart:
    """Which part of a log is read: one tenant or all, a period, and where prompts are that the log does not hold."""

    url: str
    prompts: Path | None = None
    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Choices:
    """`choice` (n,): columns of `logged`, −1 where the policy takes a route that the log never mentions.

    `without_text` decisions were left aside, `trained_on` counts requests that the policy was trained on.
    """

    logged: Logged
    choice: np.ndarray
    without_text: int
    trained_on: int


def read_log(part: LogPart) -> Logged:
    """Raises InputError where the log holds no decision that tells anything."""
    with whole_log(part.url) as store:
        logged = read_logged(store, part.tenant, part.since, part.until)
    if not logged.n:
        raise InputError("log", part.url, "no decision of a policy in this part of the log", "Check URL and period.")
    return logged


def only_of(policy: Policy, logged: Logged, part: LogPart) -> tuple[Logged, int]:
    """The decisions that this policy made, for only they tell what it thought best; and how many were others'. Raises
    InputError where it made none."""
    mine = logged.policy == policy.version
    if not mine.any():
        makers = ", ".join(sorted(set(map(str, logged.policy))))
        said = f"no decision of the incumbent {policy.version}; it holds those of {makers}"
        raise InputError("log", part.url, said, "Name the policy that decided as --incumbent.")
    return logged.subset(mine), int((~mine).sum())


def choices_of(policy: Policy, encoder: Encoder, logged: Logged, part: LogPart, cache: Path, at: datetime) -> Choices:
    """Decide the logged requests again. Raises InputError where no text is known."""
    policy.check_encoder(encoder.identity)
    texts = texts_of(logged, part.prompts)
    known = np.array([bool(text) for text in texts])
    if not known.any():
        cure = "Give --prompts FILE with the prompts of these requests, or serve with TIERWISE_STORE_TEXT=true."
        raise InputError("log", part.url, f"no text is known of any of {logged.n} requests", cure)
    logged, texts = logged.subset(known), [text for text in texts if text]
    unique = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    vectors = embed_cached(encoder, list(unique), cache)[[unique[text] for text in texts]]
    tasks = [str(task) or None for task in logged.task]
    with one_blas_thread():
        estimates = policy.estimate(texts, vectors, tasks, logged.context_chars)
    chosen = policy.sweep_choices(estimates, policy.usd(estimates, at), [policy.value_usd])[:, 0]
    column = {name: j for j, name in enumerate(logged.routes)}
    place = np.array([column.get(route.key, -1) for route in policy.routes])
    trained = policy.trained_on()
    seen = sum(text_digest(text) in trained for text in texts)
    return Choices(logged, place[chosen], int((~known).sum()), seen)


def texts_of(logged: Logged, prompts: Path | None) -> list[str]:
    """A text per decision, empty where it is not known."""
    by_hash: dict[str, str] = {}
    if prompts is not None:
        found = [request.text for request in read_queries(prompts).requests]
        by_hash = {hashlib.sha256(text.encode()).hexdigest(): text for text in found}
    return [str(text) or by_hash.get(str(digest), "") for text, digest in zip(logged.text, logged.text_sha256)]
