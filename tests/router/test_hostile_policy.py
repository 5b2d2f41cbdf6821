"""A policy folder made to harm, its manifest in order: it is refused, or it decides like any other."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from router.errors import PolicyFileError
from router.policy import Policy
from router.policy_files import MANIFEST, write_folder

PARTS = {
    "array of a terabyte": ("estimator/members.base.npy", b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (125000000000,), }".ljust(117) + b"\n"),
    "array that is an archive": ("estimator/members.base.npy", b"PK\x03\x04" + bytes(100)),
    "array that is a pickle": ("estimator/members.base.npy", b"\x80\x04cos\nsystem\n(S'touch owned'\ntR."),
    "trees without end": ("estimator/members.booster.txt", b"tree\nversion=v4\nnum_class=1000000000\n"),
    "parts nested without end": ("estimator/estimator.json", b'{"values": ' + b"[" * 100_000),
    "parts of no kind": ("estimator/estimator.json", b"[1, 2]"),
    "routes that are none": ("routes.json", b"[[], 5, null]"),
    "a sweep of texts": ("sweep.json", b'{"values": ["a"], "usd": [], "accuracy": {}}'),
    "a price of too many digits": ("routes.json", b'[{"route": "a|b", "price": {"usd_per_query": "1e999999999"}}]'),
}  # fmt: skip


def resealed(folder: Path, name: str, content: bytes) -> Path:
    """The folder with one part changed, and a manifest that says so."""
    facts = {
        key: one for key, one in json.loads((folder / MANIFEST).read_text()).items() if key not in ("files", "version")
    }
    harm = folder.with_name("harm")

    def fill(draft: Path) -> dict:
        shutil.copytree(folder, draft, dirs_exist_ok=True)
        (draft / MANIFEST).unlink()
        (draft / name).write_bytes(content)
        return facts

    write_folder(harm, fill)
    return harm


@pytest.mark.parametrize("harm", PARTS)
def test_a_part_made_to_harm_is_refused(harm: str, write_policy, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyFileError):
        Policy.load(resealed(write_policy(), *PARTS[harm]))
    assert not (tmp_path / "owned").exists()


def test_a_type_that_is_no_number_is_refused(write_policy) -> None:
    folder = write_policy()
    told = json.loads((folder / "estimator" / "estimator.json").read_text())
    name = next(name for name, one in told["values"].items() if one == np.dtype(float).str)
    told["values"][name] = "O"
    with pytest.raises(PolicyFileError, match="not a type of numbers"):
        Policy.load(resealed(folder, "estimator/estimator.json", json.dumps(told).encode()))
