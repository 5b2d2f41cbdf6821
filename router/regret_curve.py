"""What a new model's labels are worth, as a file: training writes the curve, a report shows it."""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from router.errors import InputError
from router.untrusted import read_json

CURE = "Write it with python -m training regret."


@dataclass(frozen=True)
class Regret:
    """With so many labels of the new route: correct answers per request that are lost against all of its labels, over
    values of a correct answer from cheap to dear, with a 95 % interval over queries; and the P(correct) believed of the
    route, in the mean, beside the share that is true."""

    labels: int
    regret: float
    low: float
    high: float
    believed: float
    true: float


@dataclass(frozen=True)
class RegretCurve:
    """Regrets of one route by growing numbers of labels, judged on `held_out` queries of the label set `labels`."""

    route: str
    labels: str
    held_out: int
    seed: int
    curve: tuple[Regret, ...]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "RegretCurve":
        """Raises InputError for a file that is no such curve."""
        try:
            told = read_json(path)
            rows = tuple(_row(one) for one in told["curve"])
            found = cls(str(told["route"]), str(told["labels"]), int(told["held_out"]), int(told["seed"]), rows)
        except FileNotFoundError as error:
            raise InputError("regret", str(path), "no such file", CURE) from error
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError("regret", str(path), f"not a regret curve ({error!r})", CURE) from error
        if not rows:
            raise InputError("regret", str(path), "a curve without a point", CURE)
        return found


def _row(given: dict[str, Any]) -> Regret:
    labels, *numbers = (given[one.name] for one in fields(Regret))
    found = Regret(int(labels), *map(float, numbers))
    if not all(map(math.isfinite, (found.regret, found.low, found.high, found.believed, found.true))):
        raise ValueError(f"{given}: not finite")
    return found
