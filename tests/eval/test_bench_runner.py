"""What is simulated is made smaller by a share, and by nothing that is no share."""

from pathlib import Path

import pytest

from eval.bench_runner import Bench
from router.errors import InputError


def test_a_share_of_the_repetitions_is_made_and_at_least_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path, 0.01)
    assert (bench.repetitions(500), bench.repetitions(20)) == (5, 1)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5, float("nan")])
def test_what_is_no_share_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="scale"):
        Bench(tmp_path, tmp_path, scale)
