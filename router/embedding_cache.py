"""Vectors of texts that were embedded before, on disk. A second training reads them instead of running the encoder."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from router.encoders import Encoder
from router.undisguised import undisguised

CHUNK = 64
Progress = Callable[[int, int], None]


def embed_cached(
    encoder: Encoder, texts: Sequence[str], folder: Path, progress: Progress = lambda done, total: None
) -> np.ndarray:
    """Vectors (n, dim) float32 of texts, from the cache where it has them.

    One SQLite file per encoder identity, keyed by the SHA-256 of the undisguised text; every chunk is committed, so an
    interrupted run goes on where it stopped. The texts themselves are not stored. `progress` is told (done, total).
    """
    identity, texts = encoder.identity, [undisguised(text) for text in texts]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{identity.weights[:16]}-{identity.precision}.db"
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    with closing(sqlite3.connect(path, timeout=60)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
        known = _read(db, keys, identity.dim)
        missing = sorted(
            {key: text for key, text in zip(keys, texts) if key not in known}.items(), key=lambda kv: kv[1]
        )
        for start in range(0, len(missing), CHUNK):
            part = missing[start : start + CHUNK]
            vectors = encoder.encode([text for _, text in part])
            known.update((key, vector) for (key, _), vector in zip(part, vectors))
            with db:
                rows = [(key, vector.tobytes()) for (key, _), vector in zip(part, vectors)]
                db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            progress(len(keys) - len(missing) + start + len(part), len(keys))
    progress(len(keys), len(keys))
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, identity.dim), np.float32)


def _read(db: sqlite3.Connection, keys: Sequence[bytes], dim: int) -> dict[bytes, np.ndarray]:
    known = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        for key, blob in db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part):
            vector = np.frombuffer(blob, np.float32)
            if len(vector) == dim:
                known[key] = vector
    return known
