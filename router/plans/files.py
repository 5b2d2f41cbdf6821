"""What plans need of a policy folder: the evidence model and the plans' operating points."""

import json
from dataclasses import dataclass
from pathlib import Path

from router.estimate.files import read_parts, write_parts
from router.operating_points import Sweep
from router.plans.answer_evidence import AnswerEvidence
from router.routes import Route
from router.untrusted import read_json

PLANS_FOLDER, PLAN_SWEEP_FILE = "plans", "sweep.json"


@dataclass(frozen=True)
class Plans:
    """How answers' evidence moves estimates, and the operating points of plans out of fold in training."""

    evidence: AnswerEvidence
    sweep: Sweep


def write_plans(folder: Path, routes: tuple[Route, ...], evidence: AnswerEvidence, sweep: Sweep) -> None:
    """Write both into a policy folder in the making."""
    own = folder / PLANS_FOLDER
    own.mkdir()
    write_parts(own, routes, {"evidence": evidence})
    (own / PLAN_SWEEP_FILE).write_text(json.dumps(sweep.as_dict()))


def read_plans(folder: Path, routes: tuple[Route, ...]) -> Plans | None:
    """Read what `write_plans` wrote; None where there is nothing. Raises OSError, KeyError or ValueError if damaged."""
    own = folder / PLANS_FOLDER
    if not own.is_dir():
        return None
    known, parts = read_parts(own, {"evidence": AnswerEvidence})
    if known != routes:
        raise ValueError("the plans are of other routes than the estimator")
    return Plans(parts["evidence"], Sweep.from_dict(read_json(own / PLAN_SWEEP_FILE)))
