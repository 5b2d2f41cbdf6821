import pandas as pd
import pytest

from router.errors import InputError
from router.tables import read_table, write_table

TABLE = pd.DataFrame(
    {"query_id": ["007", "8"], "prompt": ["a\nb", "ü,"], "effort": ["none", "low"], "correct": [1.0, 0.5]}
)


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.csv"])
def test_a_table_survives_its_file(tmp_path, name):
    write_table(TABLE, tmp_path / name)
    back = read_table(tmp_path / name)
    assert back.to_dict("list") == TABLE.to_dict("list")


def test_a_truncated_parquet_file_is_named(tmp_path):
    write_table(TABLE, tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t\.parquet.*Write the file anew"):
        read_table(tmp_path / "t.parquet")


def test_a_bad_json_line_is_named(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(InputError, match="line 2 is not JSON"):
        read_table(tmp_path / "t.jsonl")


@pytest.mark.parametrize(("name", "content"), [("t.csv", "a,b\n"), ("t.csv", ""), ("t.jsonl", ""), ("t.xlsx", "x")])
def test_empty_and_foreign_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError):
        read_table(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "t.csv")


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(Exception, match=r".*"):
        write_table(pd.DataFrame({"a": [object()]}), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []
