"""The gate: whether a candidate is promoted, watched on or rejected, from evidence of any kind. Pure and repeatable.

A candidate must be shown cheaper per correct answer, and no worse in quality than a margin, overall and in every slice
of more than 5 % of the traffic. All of it must be shown, so each check may use the whole error probability
(intersection–union) and a false promotion stays under it; a single proved fault rejects, so faults share it
(Bonferroni). The intervals hold at every look together: looking every hour costs nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from router.errors import InputError
from router.gate.boundary import half_width, information_needed
from router.gate.comparison import Difference, Estimate, Level, accuracy_difference, level_of, pooled, price_difference
from router.gate.evidence import SLICED_BY, Evidence

Decision = Literal["promote", "keep watching", "reject"]
Status = Literal["shown", "open", "broken", "watched"]
EVERYTHING = "all requests"
SLICE_FROM = 0.05


@dataclass(frozen=True)
class Rules:
    """What a candidate must prove. Margins are in accuracy (0.01 is one point); `saving` is the size of saving worth
    noticing (it tunes intervals, it is not asked for). `level` is the probability of a false promotion, and of a false
    rejection.
    """

    margin: float = 0.01
    slice_margin: float = 0.05
    saving: float = 0.05
    level: float = 0.05
    slice_from: float = SLICE_FROM

    def __post_init__(self) -> None:
        for name in ("margin", "slice_margin", "saving", "level", "slice_from"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise InputError(name, value, "outside 0 to 1", "Give a share, such as 0.01 for one point.")


@dataclass(frozen=True)
class Check:
    """One question about one slice. `bound` is what `difference` must be proved to lie above (quality) or below
    (price); None: it is shown and not asked for, since a router moves money between slices. The levels are those of
    the most telling source. `more` is about how many further requests would show it, as things stand.
    """

    question: Literal["quality", "price"]
    kind: str
    slice: str
    share: float
    n: int
    incumbent: Level
    candidate: Level
    difference: Difference
    bound: float | None
    status: Status
    more: int | None


@dataclass(frozen=True)
class Verdict:
    """`more` is about how many further requests it would take at the present rate of evidence; None: cannot be told."""

    decision: Decision
    reasons: tuple[str, ...]
    more: int | None
    checks: tuple[Check, ...]
    requests: int
    agreement: float
    sources: tuple[str, ...]

    @property
    def promoted(self) -> bool:
        return self.decision == "promote"


def weigh(evidence: Sequence[Evidence], rules: Rules = Rules()) -> Verdict:
    """The verdict on a candidate. Raises InputError where there is no evidence at all."""
    given = [one for one in evidence if one.n]
    if not given:
        why = " ".join(["no request was seen with both policies.", *(one.note for one in evidence if one.note)])
        raise InputError("evidence", 0, why, "Give labels, shadow runs or a log that can answer.")
    slices = list(_slices(given, rules))
    checks = tuple(check for one in slices for check in _checks(*one, rules, len(slices)))
    requests = sum(one.requests for one in given if one.live) or sum(one.requests for one in given)
    apart = sum(float(one.stands_for[one.differ].sum()) for one in given)
    agreement = 1 - apart / sum(float(one.stands_for.sum()) for one in given)
    decision, reasons, more = _decide(checks, agreement)
    return Verdict(decision, reasons, more, checks, requests, agreement, tuple(one.source for one in given))


def _slices(given: Sequence[Evidence], rules: Rules) -> Iterator[tuple[str, str, float, list[Evidence]]]:
    """Everything, then each task, tenant and difficulty with enough of the traffic; a kind with one member says nothing
    more. The traffic is the first live source that knows the kind, else the first source that does."""
    yield "overall", EVERYTHING, 1.0, list(given)
    for kind in SLICED_BY:
        every = (list(one.names(kind)) for one in sorted(given, key=lambda one: not one.live))
        names = next((found for found in every if found), [])
        for name, share in names if len(names) > 1 else []:
            if share > rules.slice_from:
                yield kind, name, share, [cut for cut in (one.of(kind, name) for one in given) if cut.n]


def _checks(
    kind: str, name: str, share: float, found: list[Evidence], rules: Rules, slices: int
) -> tuple[Check, Check]:
    """Quality, then price, of one slice."""
    overall = kind == "overall"
    margin = rules.margin if overall else rules.slice_margin
    n, harm = (
        sum(one.n for one in found),
        rules.level / (2 * (slices + 1)),
    )  # every quality and one price, one side each
    by_source = [[(one, estimate(one)) for one in found] for estimate in (accuracy_difference, price_difference)]
    quality, price = (pooled(each, rules.level, scale) for each, scale in zip(by_source, (margin, rules.saving)))
    telling = max(by_source[0], key=lambda each: each[1].information if each[1] else 0.0)[0]
    about = kind, name, share, n, level_of(telling, 0), level_of(telling, 1)
    rate = [_requests_per_information(each) for each in by_source]
    first = _Asked(-margin, 1, margin, rules.level, harm, rate[0])
    second = _Asked(0.0, -1, rules.saving, rules.level, harm, rate[1])
    return (
        Check("quality", *about, quality, -margin, *first.status(quality)),
        Check("price", *about, price, *((0.0, *second.status(price)) if overall else (None, "watched", None))),
    )


@dataclass(frozen=True)
class _Asked:
    """That a figure lies above (`side` 1) or below (−1) a bound: what shows it, what disproves it, what is missing."""

    bound: float
    side: int
    scale: float
    level: float
    harm: float
    rate: float

    def status(self, found: Difference) -> tuple[Status, int | None]:
        """Whether it is shown, and else about how many more requests would show it, should things go on like this."""
        if found.value is None or found.low is None or found.high is None:
            return "open", None
        distance = self.side * (found.value - self.bound)
        if distance < -half_width(found.information, self.harm, self.scale):
            return "broken", None
        if found.contradictory:
            return "open", None
        if distance > half_width(found.information, self.level / 2, self.scale):
            return "shown", 0
        needed = information_needed(distance, self.level / 2, self.scale)
        missing = (needed - found.information) * self.rate
        return "open", math.ceil(missing) if math.isfinite(missing) and missing > 0 else None


def _requests_per_information(found: Sequence[tuple[Evidence, Estimate | None]]) -> float:
    """Requests of traffic per unit of live information; where there is none, labelled queries count as traffic."""
    live = [one for one in found if one[0].live] or list(found)
    total = sum(estimate.information for _, estimate in live if estimate is not None)
    return sum(one.requests for one, _ in live) / total if total else math.nan


def _decide(checks: Sequence[Check], agreement: float) -> tuple[Decision, tuple[str, ...], int | None]:
    broken = [one for one in checks if one.status == "broken"]
    if broken:
        return "reject", tuple(map(sentence, broken)), None
    if agreement == 1.0:
        return "reject", ("The candidate decides exactly as the incumbent does: there is nothing to gain.",), None
    waiting = [one for one in checks if one.status == "open"]
    if not waiting:
        return "promote", tuple(map(sentence, checks[:2])), 0
    known = [one.more for one in waiting if one.more is not None]
    return "keep watching", tuple(map(sentence, waiting)), max(known) if len(known) == len(waiting) else None


def sentence(check: Check) -> str:
    """What one check says, for a person."""
    where = EVERYTHING if check.kind == "overall" else f"{check.kind} {check.slice} ({check.share:.0%} of traffic)"
    found = check.difference
    if found.value is None or found.low is None or found.high is None:
        return f"{where}: too few requests on which the policies differ to tell the {check.question}."
    if check.question == "quality":
        said = f"quality {100 * found.value:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
        asked = f"margin {100 * (check.bound or 0):+.1f}"
    else:
        value, low, high = (100 * math.expm1(one) for one in (found.value, found.low, found.high))
        more = f"{abs(value):.1f} % {'more' if value > 0 else 'less'}"
        said, asked = f"a correct answer costs {more} [{low:+.1f}, {high:+.1f}]", "must be shown to cost less"
    ending = {
        "shown": "shown",
        "watched": "not asked for",
        "broken": "proved worse than allowed",
        "open": "not shown yet" + (f"; about {check.more:,} more requests would do" if check.more else ""),
    }[check.status]
    if found.contradictory:
        ending = "the kinds of evidence contradict each other: look into that first"
    return f"{where}: {said}; {asked}: {ending}."
