"""A simulated label set: templates of varied tasks, a latent difficulty, and tiers with skills and effort curves.

Nothing here is measured; every figure made from it must say *simulated*. What it offers is a world whose truth is known
and whose shape is that of real label sets: most requests are easy, effort pays on reasoning and hardly elsewhere, some
cells are missing, and difficulty shows in the words only in part.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from router.errors import InputError
from router.prices import PriceBook, Usage, now
from router.routes import Route, effort_rank

MISSING_SHARE = 0.003
NAMES = ("Ada", "Bruno", "Chen", "Dalia", "Emeka", "Freja", "Goro", "Hana", "Ivo", "Jamila")
THINGS = ("crates", "tickets", "seedlings", "bolts", "pages", "bottles", "stamps", "tiles")
PLACES = ("Lisbon", "Osaka", "Nairobi", "Quito", "Tromsø", "Perth", "Tbilisi", "Halifax")


@dataclass(frozen=True)
class Family:
    """A kind of task: how its prompts read at a difficulty from 0 to 1, and what answering it takes.

    `base` shifts the latent difficulty, `thinking` is how much of it effort can remove, `tokens` the usual answer.
    """

    name: str
    prompt: Callable[[np.random.Generator, float], str]
    base: float
    thinking: float
    tokens: int


@dataclass(frozen=True)
class Tier:
    """A simulated model: its skill on the latent scale, how it uses effort, its verbosity, and the efforts it has."""

    model: str
    skill: float
    efforts: tuple[str, ...]
    verbosity: float
    gain: float


TIERS = (
    Tier("gpt-4.1-nano", 0.4, ("none",), 0.8, 0.0),
    Tier("gpt-4o-mini", 0.9, ("none",), 1.0, 0.0),
    Tier("gpt-4.1", 2.0, ("none",), 1.1, 0.0),
    Tier("gpt-5-mini", 1.0, ("minimal", "low", "medium", "high"), 1.0, 3.6),
    Tier("gpt-5", 1.8, ("minimal", "low", "medium", "high"), 1.1, 4.0),
)


def _sum_problem(rng: np.random.Generator, hard: float) -> str:
    steps, name, thing = 1 + round(hard * 5), rng.choice(NAMES), rng.choice(THINGS)
    parts = [f"{name} has {rng.integers(3, 10 + int(200 * hard))} {thing}."]
    for _ in range(steps):
        verb = rng.choice(["buys", "gives away", "finds", "triples the number of", "loses a third of"])
        amount = "" if "of" in verb else f" {rng.integers(2, 10 + int(90 * hard))}"
        parts.append(f"Then {rng.choice(NAMES)} {verb}{amount} {thing}.")
    return " ".join([*parts, f"How many {thing} are there in the end?"])


def _proof(rng: np.random.Generator, hard: float) -> str:
    n, k = rng.integers(3, 9 + int(20 * hard)), rng.integers(2, 5)
    claim = rng.choice(["divisible by", "congruent to 1 modulo", "never a multiple of"])
    easy = f"Is {n * k} divisible by {k}? Answer yes or no."
    deep = f"Let a(1) = {n} and a(i+1) = a(i)^2 + {k}a(i). Show whether a({3 + int(9 * hard)}) is {claim} {n + k}."
    return deep if hard > 0.4 else easy


def _capital(rng: np.random.Generator, hard: float) -> str:
    asked = ["Which country is {p} in?", "What is {p} best known for?", "Which river or sea lies nearest to {p}?"]
    rare = [
        "Who governed {p} in {y}, and which treaty followed?",
        "Name the architect of the old customs house in {p}.",
    ]
    text = str(rng.choice(rare if hard > 0.55 else asked))
    return text.format(p=rng.choice(PLACES), y=rng.integers(1610, 1930))


def _extract(rng: np.random.Generator, hard: float) -> str:
    fields = int(1 + 7 * hard)
    known = ["name", "date", "total", "currency", "address", "order id", "tax", "carrier"]
    keys = rng.choice(known, fields, replace=False)
    order = f"Order {rng.integers(1000, 9999)} to {rng.choice(PLACES)} cost {rng.integers(5, 900)} EUR."
    mail = f"Hello, {rng.choice(NAMES)} here. {order}"
    noise = " It came late, the box was wet, and nobody answered the phone." * int(6 * hard)
    return f"Extract {', '.join(map(str, keys))} as JSON from this mail:\n{mail}{noise}"


def _sentiment(rng: np.random.Generator, hard: float) -> str:
    plain = ["I love these {t}.", "The {t} broke after a day.", "Fast delivery, fine {t}."]
    subtle = [
        "Well, the {t} are certainly... something.",
        "I expected less of the {t}, and still.",
        "Ten out of ten, if you collect broken {t}.",
    ]
    text = str(rng.choice(subtle if hard > 0.6 else plain)).format(t=rng.choice(THINGS))
    return f"Is the mood of this review positive, negative or mixed? Review {rng.integers(1, 9999)}: {text}"


def _code(rng: np.random.Generator, hard: float) -> str:
    easy = ["reverses a list", "counts the vowels of a text", "returns the larger of two numbers"]
    tough = [
        "merges overlapping intervals in place",
        "finds strongly connected components without recursion",
        "parses nested quoted CSV",
    ]
    what = str(rng.choice(tough if hard > 0.5 else easy))
    extra = f" It must run in O(n log n) and survive {rng.integers(2, 9)} million rows." if hard > 0.7 else ""
    return f"Write a Python function f{rng.integers(1, 999)} that {what}.{extra}"


def _logic(rng: np.random.Generator, hard: float) -> str:
    people = rng.choice(NAMES, 3 + int(4 * hard), replace=False)
    places = ["left of", "right of", "not beside"]
    clues = [f"{a} sits {rng.choice(places)} {b}." for a, b in pairwise(people)]
    return f"{len(people)} people sit in a row. {' '.join(clues)} Who can sit at the left end? List all."


FAMILIES = (
    Family("arithmetic", _sum_problem, 0.1, 0.9, 60),
    Family("proof", _proof, 0.9, 1.0, 160),
    Family("geography", _capital, -0.4, 0.05, 40),
    Family("extraction", _extract, -0.5, 0.1, 90),
    Family("sentiment", _sentiment, -0.7, 0.1, 8),
    Family("code", _code, 0.2, 0.5, 220),
    Family("logic", _logic, 0.7, 1.0, 120),
)


def simulate(queries: int, seed: int = 0) -> pd.DataFrame:
    """A simulated label set of `queries` prompts, split 70/30 into train and test, as a table in our format."""
    if not 1 <= queries <= 1_000_000:
        raise InputError("queries", queries, "out of range", "Ask for 1 to 1,000,000.")
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    side: dict[str, str] = {}
    at, book = now(), PriceBook()
    for number in range(queries):
        family = FAMILIES[rng.integers(len(FAMILIES))]
        hard = float(rng.beta(1.1, 1.9))  # most requests are easy
        shown = float(np.clip(hard + rng.normal(0, 0.08), 0, 1))  # the words tell the difficulty only in part
        prompt = _new_prompt(rng, family, shown, side)
        # the same words stay on the same side of the split
        split = side.setdefault(prompt, "train" if rng.random() < 0.7 else "test")
        common = {"query_id": f"sim-{seed}-{number:06d}", "task": family.name, "prompt": prompt, "split": split}
        for tier in TIERS:
            rows += [common | cell for cell in _cells(rng, family, tier, hard, prompt)]
    table = pd.DataFrame(rows)
    prices = [
        float(book.usd(Route(m, e), Usage(int(i), int(o)), at))
        for m, e, i, o in zip(table["model"], table["effort"], table["input_tokens"], table["output_tokens"])
    ]
    return table.assign(cost_usd=prices)


def _new_prompt(rng: np.random.Generator, family: Family, hard: float, seen: Container[str]) -> str:
    """A prompt that was not made before, where the templates allow one within some tries."""
    prompt = family.prompt(rng, hard)
    for _ in range(20):
        if prompt not in seen:
            break
        prompt = family.prompt(rng, hard)
    return prompt


def _cells(rng: np.random.Generator, family: Family, tier: Tier, hard: float, prompt: str) -> list[dict[str, object]]:
    """One model's outcomes on one query; its efforts share the luck of the query, as real ones do."""
    luck, cells = float(rng.logistic(0, 0.7)), []
    for effort in tier.efforts:
        rank = effort_rank(effort) or 0.0
        help_ = tier.gain * family.thinking * (1 - np.exp(-rank / 3))
        margin = 2.2 + 0.8 * tier.skill + help_ - 5.2 * (hard + 0.35 * family.base) + luck
        thinking = family.thinking * rank**1.5 * 120 * (0.3 + hard)
        answer = family.tokens * tier.verbosity * float(rng.lognormal(0, 0.35))
        if rng.random() >= MISSING_SHARE:
            cells.append(
                {
                    "model": tier.model,
                    "effort": effort,
                    "correct": float(margin + rng.logistic(0, 0.35) > 0),
                    "input_tokens": 12 + len(prompt) // 4,
                    "output_tokens": round(answer + thinking * float(rng.lognormal(0, 0.4))),
                    "reasoning_tokens": round(thinking),
                    "latency_s": round(0.3 + (answer + thinking) / 90, 3),
                }
            )
    return cells
