"""Files made to harm: they end in one message, quickly, and nothing of them is run, unpacked or followed."""

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.tables import read_table
from router.untrusted import bounded_memory, inside, read_array, read_bytes, read_json, read_toml


def npy(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode().ljust(118 - 10) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + body


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
ARRAYS = {
    "absurd size": npy(HUGE),
    "negative size": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"),
    "overflowing size": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 3), }"),
    "many dimensions": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1), }", bytes(8)),
    "too short": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", bytes(8)),
    "too long": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", bytes(16)),
    "code in the header": npy("__import__('os').system('touch owned')"),
    "records": npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", bytes(8)),
    "another version": npy(HUGE, version=b"\x09\x00"),
    "no array": b"PK\x03\x04",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_lies_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(ARRAYS[name])
    with pytest.raises(ValueError):
        read_array(tmp_path / "a.npy")


def test_a_pickle_in_an_array_is_never_opened(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    np.save(tmp_path / "a.npy", np.array([Harm()], object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harm()))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(ValueError):
            read_array(tmp_path / name)
    assert not (tmp_path / "owned").exists()


def test_a_compressed_bomb_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npy", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("x.npy", npy(HUGE) + bytes(20_000_000))
    with pytest.raises(ValueError):
        read_array(tmp_path / "a.npy")


@pytest.mark.parametrize("kind", ["<f8", "<f4", "|b1", "<i8", ">f4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 4)])
def test_an_honest_array_comes_back_as_it_was(kind, shape, tmp_path: Path) -> None:
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(kind)
    for order in ("C", "F"):
        np.save(tmp_path / "a.npy", np.asarray(array, order=order))
        found = read_array(tmp_path / "a.npy")
        assert found.dtype == array.dtype and found.shape == array.shape and (found == array).all()
        assert found.flags.writeable


def test_a_file_without_end_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match="not a regular file"):
            read_bytes(path, 100)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(101))
    assert len(read_bytes(tmp_path / "f", 101)) == 101
    with pytest.raises(ValueError, match="larger"):
        read_bytes(tmp_path / "f", 100)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, b"\xed\xa0\x80", "", "nul"])
def test_json_without_end_is_a_wrong_value(text, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError):
        read_json(tmp_path / "f.json")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 50_000,
        "a = 1e999999999",
        "a = -1e-999999999",
        "a = " + "9" * 5_000,
        "=",
        "é",
    ],
)
def test_toml_without_end_names_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"f\.toml"):
        read_toml(tmp_path / "f.toml", "spending")


def test_toml_of_every_day_is_read_exactly(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text("a = 0.1\nb = [1, 2]\nc = inf\n")
    assert read_toml(tmp_path / "f.toml", "x") == {"a": Decimal("0.1"), "b": [1, 2], "c": Decimal("inf")}


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_foreseen_error(raw: bytes) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"tierwise-untrusted-{os.getpid()}"
    path.write_bytes(raw)
    try:
        for read in (read_array, read_json):
            try:
                read(path)
            except ValueError:
                continue
        with suppress(InputError):
            read_toml(path, "x")
    finally:
        path.unlink()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "link", "", ".", "a\x00b", None, 5, "x" * 2_000])
def test_no_name_leads_out_of_the_folder(name, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "x").write_text("secret")
    (home / "link").symlink_to(tmp_path / "x")
    with pytest.raises(InputError):
        inside(home, name, "path")
    assert inside(home, "sub/file", "path") == home.resolve() / "sub" / "file"


def test_a_line_without_end_or_without_bottom_is_one_message(tmp_path: Path) -> None:
    for content in ("[" * 200_000, '{"a": ' + "[" * 200_000, '"' + "x" * 1_000_000):
        (tmp_path / "labels.jsonl").write_text(content + "\n")
        with pytest.raises(InputError, match="line 1"):
            read_table(tmp_path / "labels.jsonl")


def parquet_bomb(path: Path, rows: int) -> None:
    """One long text, repeated by reference: a few kilobytes that unfold to rows × a megabyte."""
    dictionary = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"prompt": dictionary.cast(pa.dictionary(pa.int32(), pa.large_string()))}), path)
    # without the note that it was a dictionary, a reader unfolds it
    table = pq.read_table(path, read_dictionary=["prompt"]).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", use_dictionary=True, store_schema=False)


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's address space")
def test_a_table_that_unfolds_to_a_hundred_gigabytes_is_refused(tmp_path: Path) -> None:
    """In a process of its own: a limit on memory is a matter of the whole process."""
    parquet_bomb(tmp_path / "bomb.parquet", 100_000)
    assert (tmp_path / "bomb.parquet").stat().st_size < 1_000_000
    code = (
        "import sys\nfrom router.tables import read_table\nfrom router.errors import InputError\n"
        "try:\n    read_table(sys.argv[1])\nexcept InputError as error:\n    print('refused:', error.problem)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.parquet")], capture_output=True, text=True, timeout=100
    )
    assert done.stdout.startswith("refused: unfolds"), done.stderr[-500:]


def test_the_limit_on_memory_ends_with_the_reading() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with bounded_memory(1_000_000_000):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_json_that_is_honest_is_read(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps({"a": [1.5, None, "é"]}))
    assert read_json(tmp_path / "f.json") == {"a": [1.5, None, "é"]}
