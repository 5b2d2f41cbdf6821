"""The shipped verifier sees what a cosine does not, and files that are not its own are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from router.cache.verifier import IDF_FILE, MANIFEST_FILE, MODEL_FILE, PRIOR_FILE, VECTORS_FILE, Verifier
from router.errors import PolicyFileError

SHIPPED = Path(__file__).parents[3] / "models" / "verifier"


def logit(verifier: Verifier, one: str, other: str, cosine: float = 0.95) -> float:
    return float(verifier.logits(verifier.view(one), [verifier.view(other)], [cosine])[0])


@pytest.mark.parametrize(
    "text, same, other",
    [
        ("books by Orwell after 1940", "which books did Orwell publish after 1940", "books by Orwell before 1940"),
        ("convert 10 usd to eur", "convert 10 USD to EUR please", "convert 20 usd to eur"),
        ("how to enable dark mode in gmail", "enable dark mode in gmail", "disable dark mode in gmail"),
        ("install node 18 on ubuntu", "how to install node 18 on ubuntu", "install node 20 on ubuntu"),
    ],
)
def test_a_rewording_beats_a_near_miss_at_the_same_cosine(verifier: Verifier, text: str, same: str, other: str) -> None:
    assert logit(verifier, text, same) > logit(verifier, text, other)


def test_nearer_is_never_less_likely(verifier: Verifier) -> None:
    scores = [logit(verifier, "what is a neutron star", "define a neutron star", c / 20) for c in range(21)]
    assert scores == sorted(scores)


@pytest.mark.parametrize("name", [MODEL_FILE, IDF_FILE, VECTORS_FILE, PRIOR_FILE])
def test_a_changed_or_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "v")
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(PolicyFileError, match="differs from the manifest"):
        Verifier.load(folder)
    (folder / name).unlink()
    with pytest.raises(PolicyFileError, match="not a verifier folder"):
        Verifier.load(folder)


def test_vectors_of_the_encoder_it_was_trained_on_are_judged_and_others_are_not() -> None:
    trained_on = json.loads((SHIPPED / MANIFEST_FILE).read_text())["trained"]["encoder"]
    one = np.eye(1, trained_on["dim"])[0]
    judged = Verifier.load(SHIPPED, trained_on["weights"]).alike(one, one[None, :])
    assert np.isfinite(judged).all() and Verifier.load(SHIPPED).alike(one, one[None, :]) == judged
    assert np.isnan(Verifier.load(SHIPPED, "another").alike(one, one[None, :])).all()


def test_what_the_vectors_say_moves_the_verdict(verifier: Verifier) -> None:
    request, entry = verifier.view("what is a neutron star"), verifier.view("define a neutron star")
    low, high = (verifier.logits(request, [entry], [0.9], [said])[0] for said in (-6.0, 6.0))
    assert low < high


def test_another_version_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "v")
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest | {"version": 0}))
    with pytest.raises(PolicyFileError, match="train it anew"):
        Verifier.load(folder)


def test_the_shipped_files_are_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_000_000
