"""Texts sealed before they reach the disk: AES-256-GCM, with keys that can be rotated. Knows keys, no texts.

A sealed text reads `sealed:<key id>:<base64 of nonce and ciphertext>`. The first key seals; every key opens. A new
key is put in front, `python -m service privacy reseal` seals everything with it, and the old one may go.
"""

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from router.errors import InputError, TierwiseError

_MARK, _NONCE = "sealed", 12
_CURE = "Write ID:BASE64 of 32 random bytes, several separated by commas: k1:$(openssl rand -base64 32)."


class SealedError(TierwiseError):
    """A sealed text that none of the keys opens."""


class Cipher:
    """Seals and opens. Without keys it seals nothing, and opens what was never sealed."""

    def __init__(self, keys: Mapping[str, bytes] | None = None) -> None:
        self._keys = {name: AESGCM(key) for name, key in (keys or {}).items()}
        self.first = next(iter(self._keys), None)

    @classmethod
    def read(cls, text: str | None) -> "Cipher":
        """From `k2:BASE64,k1:BASE64`. Raises InputError, which never shows a key."""
        keys: dict[str, bytes] = {}
        for one in (text or "").split(",") if text else []:
            name, _, encoded = one.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not name.isalnum() or len(name) > 20 or len(key) != 32 or name in keys:
                raise InputError("cache_keys", "…", "not a list of named keys of 32 bytes", _CURE)
            keys[name] = key
        return cls(keys)

    def seal(self, text: str, place: str) -> str:
        """`place` says where the text belongs: moved elsewhere it does not open."""
        if self.first is None:
            return text
        nonce = os.urandom(_NONCE)
        sealed = self._keys[self.first].encrypt(nonce, text.encode("utf-8", "surrogatepass"), place.encode())
        return f"{_MARK}:{self.first}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, text: str, place: str) -> str:
        """Raises SealedError for what no key opens, or what was changed."""
        if not is_sealed(text):
            return text
        _, name, encoded = text.split(":", 2)
        key = self._keys.get(name)
        if key is None:
            raise SealedError(f"sealed with the key {name!r}, which TIERWISE_CACHE_KEYS does not hold")
        try:
            whole = base64.b64decode(encoded, validate=True)
            return key.decrypt(whole[:_NONCE], whole[_NONCE:], place.encode()).decode("utf-8", "surrogatepass")
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealedError("a sealed text was changed, or belongs elsewhere") from error

    def is_fresh(self, text: str) -> bool:
        """Whether a text is kept as the first key would keep it."""
        return is_sealed(text) == (self.first is not None) and (
            self.first is None or text.startswith(f"{_MARK}:{self.first}:")
        )


def is_sealed(text: str) -> bool:
    return text.startswith(f"{_MARK}:") and text.count(":") == 2
