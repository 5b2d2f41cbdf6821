"""Figures of policies that no report holds: where effort is bought, and what tasks left out say of the rules."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eval.effort_use import effort_use
from router.encoders import load_encoder
from router.labels import read_labels
from router.policy import Policy
from router.settings import Settings

Row = tuple[str, str, int]


def effort_rows(folder: Path, labels: Path) -> Iterator[Row]:
    """What effort a policy buys on each task of held-out labels, the task hidden from it."""
    policy, settings = Policy.load(folder), Settings()
    held_out = read_labels(labels).part("test")
    for one in effort_use(policy, load_encoder(settings), held_out, settings.models_dir / "embeddings"):
        value = f"{one.mean_rank:.2f} [{one.low:.2f}, {one.high:.2f}]"
        yield f"mean effort (0 none to 4 high) bought on {one.task}", value, one.queries


def left_out_rows(folder: Path) -> Iterator[Row]:
    """How a training judged its rules for requests unlike the labels, on tasks left out whole."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    told, widths = manifest["unlike"], manifest["estimator"]["unlike"].get("intervals")
    if "preferred" in told:
        usd = f"${told['usd_without']:.6f} to ${told['usd_with']:.6f}"
        value = f"accuracy {told['accuracy_without']:.4f} to {told['accuracy_with']:.4f}, {usd} a request; used: "
        value += "no" if told["caution"] == 1 else f"a correct answer counts up to {told['caution']:g} times"
        yield "tasks left out, without and with the rule", value, told["left_out_queries"]
    if widths:
        value = f"{widths['covered_without']:.3f} to {widths['left_out_tasks_covered']:.3f} of tasks × routes, "
        value += f"width {widths['width_without']:.3f} to {widths['width']:.3f}"
        yield "tasks left out, intervals before and after", value, manifest["labels"]["queries"]
