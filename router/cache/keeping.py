"""How a wording and its answer are written, within a transaction of the store. Knows when an answer is there already,
and when one can never be found again; knows nothing of reading."""

import numpy as np
from sqlalchemy import Connection, delete, select, update

from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.sealing import seal_answer
from router.cache.tables import answers, entries
from router.privacy.cipher import Cipher


def keep_answer(
    connection: Connection, key: CacheKey, answer: NewAnswer, created: float, expires: float, cipher: Cipher
) -> int:
    """The answer's id. One that says the same in this partition is renewed, so that its history stays whole."""
    values = {
        "partition": key.partition,
        "content": answer.content,
        "answer_key": answer.key,
        "extra": dict(answer.extra),
        "model": answer.model,
        "tags": dict(answer.tags),
        "usd": answer.usd,
        "source": answer.source,
        "created": created,
        "expires": expires,
    }
    values = seal_answer(cipher, values)
    known = select(answers.c.answer_id).where(answers.c.partition == key.partition, answers.c.digest == answer.digest)
    answer_id = connection.scalar(known.limit(1))
    if answer_id is not None:
        connection.execute(update(answers).where(answers.c.answer_id == answer_id).values(values))
        return int(answer_id)
    place = {
        "tenant": key.tenant,
        "fingerprint": key.fingerprint,
        "digest": answer.digest,
    }
    return int((connection.execute(answers.insert().values(place | values)).inserted_primary_key or (0,))[0])


def insert_entry(
    connection: Connection,
    key: CacheKey,
    answer_id: int,
    text: str,
    vector: np.ndarray | None,
    encoder: str,
    created: float,
) -> int:
    values = {
        "answer_id": answer_id,
        "partition": key.partition,
        "text": text.replace("\x00", ""),  # PostgreSQL keeps no NUL in text
        "exact": key.exact,
        "vector": None if vector is None else vector.astype(np.float32).tobytes(),
        "encoder": encoder,
        "created": created,
    }
    return int((connection.execute(entries.insert().values(values)).inserted_primary_key or (0,))[0])


def drop_unworded(connection: Connection, answer_id: int) -> None:
    """An answer without a wording can never be found again."""
    if connection.scalar(select(entries.c.entry_id).where(entries.c.answer_id == answer_id).limit(1)) is None:
        connection.execute(delete(answers).where(answers.c.answer_id == answer_id))
