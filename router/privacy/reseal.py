"""Seals what the cache holds with the first of the keys: after one was added, or changed. Serves nothing."""

from sqlalchemy import Connection, inspect, select, update

from router.cache.sealing import open_answer, seal_answer
from router.cache.tables import answers, entries
from router.privacy.cipher import Cipher, SealedError

MOST = 500


def reseal(connection: Connection, cipher: Cipher, table: str, after: int) -> tuple[int, int, int] | None:
    """One part of `answers` or `entries`: (the last row looked at, rows sealed anew, rows that no key opens); None when
    there are no more rows after `after`."""
    if not inspect(connection).has_table(answers.name):
        return None
    work = _answers if table == "answers" else _entries
    return work(connection, cipher, after)


def _answers(connection: Connection, cipher: Cipher, after: int) -> tuple[int, int, int] | None:
    names = ("answer_id", "partition", "content", "extra", "answer_key")
    asked = select(*(answers.c[name] for name in names)).where(answers.c.answer_id > after)
    rows = connection.execute(asked.order_by(answers.c.answer_id).limit(MOST)).mappings().all()
    done = lost = 0
    for row in rows:
        try:
            plain = open_answer(cipher, dict(row))
        except SealedError:
            lost += 1
            continue
        if not cipher.is_fresh(row["content"]):
            sealed = {name: one for name, one in seal_answer(cipher, plain).items() if name in names[2:]}
            connection.execute(update(answers).where(answers.c.answer_id == row["answer_id"]).values(sealed))
            done += 1
    return (rows[-1]["answer_id"], done, lost) if rows else None


def _entries(connection: Connection, cipher: Cipher, after: int) -> tuple[int, int, int] | None:
    asked = select(entries.c.entry_id, entries.c.partition, entries.c.text).where(entries.c.entry_id > after)
    rows = connection.execute(asked.order_by(entries.c.entry_id).limit(MOST)).all()
    done = lost = 0
    for row in rows:
        try:
            text = cipher.open(row.text, row.partition)
        except SealedError:
            lost += 1
            continue
        if not cipher.is_fresh(row.text):
            sealed = cipher.seal(text, row.partition)
            connection.execute(update(entries).where(entries.c.entry_id == row.entry_id).values(text=sealed))
            done += 1
    return (rows[-1].entry_id, done, lost) if rows else None
