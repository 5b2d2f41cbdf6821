"""`python -m service keys`, as an operator uses it."""

from pathlib import Path

import pytest

from router.access.store import KeyStore
from service.__main__ import main


@pytest.fixture
def url(tmp_path: Path, monkeypatch) -> str:
    url = f"sqlite:///{tmp_path}/log.db"
    monkeypatch.setenv("TIERWISE_STORE_URL", url)
    return url


def test_a_key_is_made_listed_rotated_and_revoked(url: str, capsys) -> None:
    assert main(["keys", "make", "--tenant", "acme", "--days", "90", "--rate", "50", "--name", "shop"]) == 0
    made = capsys.readouterr()
    token = made.out.strip()  # nothing else on standard output: it is piped into a secret store
    key_id = token.split("_")[1]
    assert token.startswith("tw_") and key_id in made.err and token not in made.err
    assert main(["keys", "rotate", key_id, "--overlap-hours", "2"]) == 0
    assert capsys.readouterr().out.strip() != token
    assert main(["keys", "revoke", key_id]) == 0
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    for said in (key_id, "acme", "route,outcomes,cache", "revoked", "50", "shop"):
        assert said in listed


def test_listing_before_the_first_key_says_how_to_make_one(url: str, capsys) -> None:
    assert main(["keys", "list"]) == 0
    assert "keys make" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["make", "--tenant", "acme", "--scopes", "root"], "scopes"),
        (["make", "--tenant", "acme", "--days", "-1"], "days"),
        (["make", "--tenant", ""], "tenant"),
        (["revoke", "nobody"], "key_id"),
        (["rotate", "nobody", "--overlap-hours", "-1"], "overlap-hours"),
    ],
)
def test_wrong_arguments_are_one_message_and_code_2(url: str, capsys, arguments, said) -> None:
    assert main(["keys", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    store = KeyStore(url)
    assert store.listed() == []
    store.close()
