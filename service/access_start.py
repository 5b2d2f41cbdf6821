"""Who may call, settled at the start: an address that others reach needs keys. Knows settings; checks no request."""

import ipaddress
import time
from contextlib import suppress
from typing import Any

from router.access.rate_store import RateStore
from router.access.rates import Rates
from router.access.ring import KeyRing
from router.access.store import KeyStore
from router.errors import InputError, StoreError
from router.log.presence import Presence
from router.settings import Settings
from service.metrics import Metrics

MAKE = "python -m service keys make --tenant NAME"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_ring(settings: Settings, rates: Rates | None = None) -> KeyRing | None:
    """The keys to check requests against; None where anybody may call. Reads nothing yet."""
    if settings.access == "open":
        return None
    return KeyRing(
        KeyStore(settings.store_url, settings.store_timeout_seconds),
        required=settings.access == "keys" or not is_loopback(settings.host),
        requests_per_second=settings.access_requests_per_second,
        poll_seconds=settings.access_poll_seconds,
        rates=rates,
    )


def make_rates(settings: Settings, presence: Presence, metrics: Metrics) -> Rates:
    """One rate per key over all processes on the store."""
    shared = RateStore(settings.store_url, settings.store_timeout_seconds)
    return Rates(shared, lambda: presence.count, metrics.rates_apart.inc)


def access_lines(settings: Settings) -> list[str]:
    """What to say of access when the service begins to listen."""
    ring = make_ring(settings)
    if ring is None:
        return ["  WARNING  anyone on this machine may call, whatever keys there are: TIERWISE_ACCESS=open."]
    with suppress(StoreError):
        ring.look()
    ring.close()
    if not ring.open:
        return ["  access   with a key: Authorization: Bearer tw_…"]
    return [
        "  WARNING  anyone on this machine may call, for any tenant, until the first key is made:",
        f"           {MAKE}",
    ]


def tls_of(settings: Settings) -> dict[str, Any]:
    """What the server is told of TLS. Raises InputError for half of it."""
    certificate, key = settings.tls_certificate, settings.tls_key
    for name, path, other in (("tls_certificate", certificate, key), ("tls_key", key, certificate)):
        if path is not None and not path.is_file():
            raise InputError(name, str(path), "no such file", "Name a PEM file.")
        if path is None and other is not None:
            raise InputError(name, None, "missing", "A certificate and its private key belong together.")
    return {} if certificate is None else {"ssl_certfile": certificate, "ssl_keyfile": key}


def check_access(settings: Settings) -> None:
    """Raises InputError where the service would be open to a network, or closed to everybody; StoreError."""
    if is_loopback(settings.host):
        return
    if settings.access == "open":
        cure = "Use --host 127.0.0.1, or TIERWISE_ACCESS=keys."
        raise InputError("access", "open", f"{settings.host} can be reached by others", cure)
    store = KeyStore(settings.store_url, settings.store_timeout_seconds)
    try:
        keys = store.listed()
    finally:
        store.close()
    if not any(key.state(time.time()) == "valid" for key in keys):
        cure = f"Make one with {MAKE}, or use --host 127.0.0.1."
        raise InputError("host", settings.host, "others can reach this address, and no key is valid", cure)
