"""Which columns of the cache are sealed, and to what place. Knows columns; the keys belong to router.privacy.cipher.

Vectors, digests and names stay as they are: the index compares the ones and equality is found by the others.
"""

from collections.abc import Mapping
from typing import Any

from router.log.driver_sql import from_json, to_json
from router.privacy.cipher import Cipher, is_sealed

_SEALED = "sealed"


def seal_answer(cipher: Cipher, values: Mapping[str, Any]) -> dict[str, Any]:
    """A row of cache_answers with what it says sealed: its content, its key, and what came with it."""
    if cipher.first is None:
        return dict(values)
    place, key, extra = values["partition"], values["answer_key"], values["extra"]
    return {
        **values,
        "content": cipher.seal(values["content"], place),
        "answer_key": None if key is None else cipher.seal(key, place),
        "extra": {_SEALED: cipher.seal(to_json(extra), place)} if extra else {},
    }


def open_answer(cipher: Cipher, values: Mapping[str, Any]) -> dict[str, Any]:
    """The row as it was before. Raises SealedError where no key opens it."""
    place, key, extra = values["partition"], values["answer_key"], from_json(values["extra"])
    whole = extra.get(_SEALED) if len(extra) == 1 else None
    return {
        **values,
        "content": cipher.open(values["content"], place),
        "answer_key": None if key is None else cipher.open(key, place),
        "extra": from_json(cipher.open(whole, place)) if isinstance(whole, str) and is_sealed(whole) else extra,
    }
