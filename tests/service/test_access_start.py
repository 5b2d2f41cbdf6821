"""Who may call, settled at the start."""

from pathlib import Path

import pytest

from router.access.store import KeyStore
from router.errors import InputError
from router.settings import Settings
from service.__main__ import main
from service.access_start import access_lines, check_access, is_loopback, make_ring, tls_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


def test_an_address_that_others_reach_needs_a_valid_key(url: str) -> None:
    reachable = Settings(store_url=url, host="0.0.0.0")
    with pytest.raises(InputError, match="keys make"):
        check_access(reachable)
    keys = KeyStore(url)
    key, _ = keys.make("acme", frozenset({"route"}))
    check_access(reachable)
    keys.revoke(key.key_id)
    keys.close()
    with pytest.raises(InputError, match="no key is valid"):
        check_access(reachable)


def test_the_service_refuses_to_start_open_to_a_network(url: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TIERWISE_STORE_URL", url)
    assert main(["--host", "0.0.0.0", "--port", "0"]) == 2
    assert "keys make" in capsys.readouterr().err
    with pytest.raises(InputError, match="access"):
        check_access(Settings(store_url=url, host="0.0.0.0", access="open"))


def test_on_loopback_anybody_may_call_and_is_told_so(url: str) -> None:
    settings = Settings(store_url=url)
    check_access(settings)
    assert "WARNING" in access_lines(settings)[0]
    keys = KeyStore(url)
    keys.make("acme", frozenset({"route"}))
    keys.close()
    assert "with a key" in access_lines(settings)[0]
    assert "WARNING" in access_lines(Settings(store_url=url, access="open"))[0]
    assert make_ring(Settings(store_url=url, access="open")) is None


@pytest.mark.parametrize(
    "host, own",
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("x", False)],
)
def test_loopback_is_what_nobody_else_reaches(host, own) -> None:
    assert is_loopback(host) == own


def test_half_of_tls_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("")
    with pytest.raises(InputError, match="tls_key"):
        tls_of(Settings(tls_certificate=tmp_path / "cert.pem"))
    with pytest.raises(InputError, match="no such file"):
        tls_of(Settings(tls_certificate=tmp_path / "nowhere.pem"))
    assert tls_of(Settings()) == {}
