"""A label set that grows fourfold takes no more memory to train on, once it streams."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# the peak is the child's own: it prints it when everything is written
CHILD = (
    "import resource, sys; from training.__main__ import main; status = main(sys.argv[1:]); "
    "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(status)"
)
WORDS = np.array(
    [
        "add",
        "the",
        "sum",
        "of",
        "these",
        "numbers",
        "tell",
        "a",
        "tale",
        "about",
        "rivers",
        "name",
        "every",
        "king",
        "prove",
        "that",
        "it",
        "holds",
    ]
)


def labels(queries: int, path: Path) -> Path:
    """Prompts of 30 words whose labels depend on the first of them."""
    rng = np.random.default_rng(0)
    words = WORDS[rng.integers(0, len(WORDS), (queries, 30))]
    prompts = [" ".join(one) + f" {i}" for i, one in enumerate(words)]
    easy = 0.4 + 0.5 * (rng.permutation(len(WORDS)) / len(WORDS))
    p = dict(zip(WORDS, easy))
    chance = np.array([p[one[0]] for one in words])
    routes = [
        pd.DataFrame(
            {
                "query_id": [f"q{i}" for i in range(queries)],
                "prompt": prompts,
                "model": model,
                "effort": "none",
                "correct": (rng.random(queries) < chance * skill).astype(float),
                "output_tokens": rng.integers(10, 200, queries),
            }
        )
        for model, skill in (("gpt-4.1-nano", 0.7), ("gpt-4o-mini", 0.85), ("gpt-4.1", 1.0))
    ]
    pd.concat(routes).to_parquet(path, row_group_size=20_000)
    return path


def peak_megabytes(path: Path, most: int, tmp_path: Path) -> float:
    command = ["fit", "--labels", str(path), "--out", str(tmp_path / "m" / path.stem), "--most-labels", str(most)]
    environment = {
        "TIERWISE_ENCODER_BACKEND": "hashing",
        "TIERWISE_MODELS_DIR": str(tmp_path / "m"),
        "OMP_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *command, "--no-tracking", "--simulated"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.rsplit("peak ", 1)[1]) / 1000


@pytest.mark.real
@pytest.mark.timeout(600)
def test_peak_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = (labels(n, tmp_path / f"{n}.parquet") for n in (20_000, 80_000))
    # both are so large that the kept part and every part on disk are as large as they may be
    four_times = peak_megabytes(large, 10_000, tmp_path)
    assert four_times < 1.1 * peak_megabytes(small, 10_000, tmp_path)
