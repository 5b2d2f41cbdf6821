"""Keys in SQL, beside the log: made, listed, rotated, revoked. Knows how keys are kept, not who asks with them."""

import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, func, inspect, select

from router.access.keys import EVERY_TENANT, Key, digest_of, new_token, token_of
from router.access.tables import access_keys
from router.errors import InputError
from router.log.small_store import SmallStore

_NAME_CHARS = 200
_NO_KEYS = (0, 0)


class KeyStore:
    """Raises StoreError when the database does not answer. Every change is committed when its method returns."""

    def __init__(self, url: str, timeout_seconds: float = 1.0) -> None:
        self._database = SmallStore(url, "keys", timeout_seconds, fsync=True)

    def make(
        self,
        tenant: str,
        scopes: frozenset[str],
        *,
        name: str = "",
        expires: float | None = None,
        requests_per_second: float | None = None,
    ) -> tuple[Key, str]:
        """A new key and its token, which is not kept and cannot be shown again."""
        _check(tenant, name, requests_per_second)
        key_id, secret = new_token()
        key = Key(key_id, tenant, scopes, digest_of(secret), time.time(), name, expires, None, requests_per_second)
        with self._database.writing() as connection:
            connection.execute(access_keys.insert().values(_row(key) | {"revision": _next_revision(connection)}))
        return key, token_of(key_id, secret)

    def rotate(self, key_id: str, overlap_seconds: float = 0.0) -> tuple[Key, str]:
        """A new token for a key; the one before it is accepted for `overlap_seconds` more. Raises InputError."""
        _, secret = new_token()
        with self._database.writing() as connection:
            key, now = _found(connection, key_id), time.time()
            if key.state(now) != "valid":
                raise InputError("key_id", key_id, f"this key is {key.state(now)}", "Make a new key.")
            changed = replace(key, digest=digest_of(secret), old_digest=key.digest, old_until=now + overlap_seconds)
            _update(connection, changed)
        return changed, token_of(key_id, secret)

    def revoke(self, key_id: str) -> Key:
        """From now on the key opens nothing. Revoking again changes nothing. Raises InputError."""
        with self._database.writing() as connection:
            key = _found(connection, key_id)
            changed = key if key.revoked is not None else replace(key, revoked=time.time())
            _update(connection, changed)
        return changed

    def listed(self) -> list[Key]:
        """Every key there ever was, oldest first."""
        with self._database.reading() as connection:
            if not inspect(connection).has_table(access_keys.name):  # nobody has made a key yet
                return []
            rows = connection.execute(select(access_keys).order_by(access_keys.c.created)).all()
        return [_key(row) for row in rows]

    def revision(self) -> tuple[int, int]:
        """Changes with every change of any key: their number and the highest revision."""
        with self._database.reading() as connection:
            if not inspect(connection).has_table(access_keys.name):
                return _NO_KEYS
            row = connection.execute(select(func.count(), func.max(access_keys.c.revision)).select_from(access_keys))
            count, highest = row.one()
        return int(count), int(highest or 0)

    def close(self) -> None:
        self._database.close()


def _check(tenant: str, name: str, requests_per_second: float | None) -> None:
    for field, text, least in (("tenant", tenant, 1), ("name", name, 0)):
        if not least <= len(text) <= _NAME_CHARS or not text.isprintable() or text != text.strip():
            raise InputError(field, text, "not a name", f"Use at most {_NAME_CHARS} printable characters.")
    if "*" in tenant and tenant != EVERY_TENANT:
        raise InputError("tenant", tenant, "not one tenant", "Name one tenant, or * for all of them.")
    if requests_per_second is not None and not 0 < requests_per_second <= 1e6:
        raise InputError("rate", requests_per_second, "out of range", "Use 0.001 to 1000000 requests a second.")


def _next_revision(connection: Connection) -> int:
    """Writers take turns, so no two changes get the same number."""
    return int(connection.scalar(select(func.max(access_keys.c.revision))) or 0) + 1


def _found(connection: Connection, key_id: str) -> Key:
    row = connection.execute(select(access_keys).where(access_keys.c.key_id == key_id)).one_or_none()
    if row is None:
        raise InputError("key_id", key_id, "no such key", "See python -m service keys list.")
    return _key(row)


def _update(connection: Connection, key: Key) -> None:
    changed = access_keys.update().where(access_keys.c.key_id == key.key_id)
    connection.execute(changed.values(_row(key) | {"revision": _next_revision(connection)}))


def _row(key: Key) -> dict[str, Any]:
    return vars(key) | {"scopes": sorted(key.scopes)}


def _key(row: Row[Any]) -> Key:
    kept = {name: value for name, value in row._mapping.items() if name != "revision"}
    return Key(**kept | {"scopes": frozenset(kept["scopes"])})
