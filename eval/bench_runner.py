"""How the bench runs the project's commands, and what a measured figure is. Knows no figure."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from router.errors import InputError, TierwiseError

SETS = (
    "medagents",
    "medagents_effort",
    "effort_ladder",
    "self_agreement",
    "open_models",
    "routellm_mmlu",
    "routellm_gsm8k",
)
# Sets without prices: what one call is taken to cost. Only the ratio matters to the figures.
FLAT_USD = {
    "codegemma-7b": 0.00005,
    "gemma-2-9b-it": 0.00006,
    "llama-3.1-8b-instruct": 0.00005,
    "llama-3.1-nemotron-51b-instruct": 0.0003,
    "llama-3.3-nemotron-super-49b-v1": 0.0003,
    "llama3-chatqa-1.5-70b": 0.0005,
    "llama3-chatqa-1.5-8b": 0.00005,
    "mistral-7b-instruct-v0.3": 0.00005,
    "qwen2.5-7b-instruct": 0.00005,
    "gpt-4-1106-preview": 0.01,
    "mistralai/Mixtral-8x7B-Instruct-v0.1": 0.0006,
}
ROUTED = 300


@dataclass(frozen=True)
class Figure:
    """One measured figure: what, its value as text, of how many, from which data, by which command."""

    what: str
    value: str
    n: int
    data: str
    command: str


@dataclass(frozen=True)
class Run:
    """A finished command: wall seconds and the peak memory of its process in MB."""

    seconds: float
    peak_mb: float


class Bench:
    """Runs the commands in a scratch folder, so that nothing cached elsewhere flatters a figure."""

    def __init__(self, data: Path, scratch: Path, scale: float = 1.0) -> None:
        """`scale` is the share of simulated traffic and repetitions that is made. Raises InputError."""
        if not 0 < scale <= 1:
            raise InputError(
                "scale", scale, "not above 0 and at most 1", "Use 1, or 0.1 for a tenth of the repetitions."
            )
        self.data, self.scratch, self.scale = data, scratch, scale
        self.environment = os.environ | {
            "TIERWISE_MODELS_DIR": str(scratch / "models"),
            "TIERWISE_MLRUNS_DIR": str(scratch / "mlruns"),
            "TIERWISE_STORE_URL": f"sqlite:///{scratch / 'bench.db'}",
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
        }
        self.routes = scratch / "routes.toml"
        lines = [f'[routes."{model}"]\nusd_per_query = {usd:.6f}\n' for model, usd in FLAT_USD.items()]
        self.routes.write_text("".join(lines))

    def repetitions(self, whole: int) -> int:
        """How many of `whole` repetitions are made, at least one."""
        return max(1, round(whole * self.scale))

    def run(self, *arguments: str) -> Run:
        """Run `python -m …` to its end. Raises TierwiseError with what it printed when it fails."""
        command = [sys.executable, "-m", *arguments]
        with tempfile.TemporaryFile("w+") as log:
            started = time.perf_counter()
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                log.seek(0)
                raise TierwiseError(f"{' '.join(arguments)} ended with {process.returncode}:\n{log.read()[-2000:]}")
        return Run(seconds, usage.ru_maxrss / 1024)

    def fit(self, name: str, out: str, *extra: str) -> Run:
        labels = self.data / f"{name}.parquet"
        routes = ("--routes", str(self.routes)) if name.startswith(("open", "routellm")) else ()
        return self.run("training", "fit", "--labels", str(labels), "--out", str(self.folder(out)), *routes, *extra)

    def fitted(self, name: str, folder: str = "", *extra: str) -> Path:
        """The folder of a policy of a label set, trained unless it was before."""
        folder = folder or name
        if not self.folder(folder).exists():
            split = ("--split-by", "task") if name == "self_agreement" else ()
            self.fit(name, folder, "--no-tracking", *split, *extra)
        return self.folder(folder)

    def folder(self, name: str) -> Path:
        return self.scratch / "models" / name


def short_prompts(path: Path) -> list[str]:
    """Distinct prompts of 10 to 60 words."""
    texts = pd.read_parquet(path, columns=["prompt"])["prompt"].drop_duplicates().tolist()
    return [text for text in texts if 10 <= len(text.split()) <= 60][:ROUTED]
