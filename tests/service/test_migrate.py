"""The command that upgrades stores: it says what it did, and ends with code 2 where it cannot."""

from pathlib import Path

from router.migrations.upgrade import HEAD
from service.__main__ import main


def test_it_says_from_what_to_what(tmp_path: Path, capsys) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert main(["migrate", "--url", url]) == 0
    assert f"schema none → {HEAD}" in capsys.readouterr().out
    assert main(["migrate", "--url", url]) == 0
    assert f"schema {HEAD} → {HEAD}" in capsys.readouterr().out


def test_a_store_that_cannot_be_reached_is_one_message(tmp_path: Path, capsys) -> None:
    (tmp_path / "torn.db").write_bytes(b"not a database" * 100)
    assert main(["migrate", "--url", f"sqlite:///{tmp_path / 'torn.db'}"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
