"""Forgetting in label files that were harvested from the log: rows carry tenant and prompt. Knows columns only."""

import hashlib
from pathlib import Path
from typing import Any

from router.errors import InputError
from router.privacy.erasure import Forgotten, Whom
from router.tables import read_table, write_table


def forget_labels(path: Path, whom: Whom, found: Forgotten) -> int:
    """Rewrite a file without the tenant's rows, or without those whose prompt the user asked; how many these were.
    Raises InputError for a file that does not say whose its rows are."""
    table = read_table(path)
    if not {"tenant", "prompt"} <= set(table.columns):
        cure = "Give a file that training harvest wrote."
        raise InputError("labels", str(path), "no columns tenant and prompt", cure)
    mine = table["tenant"] == whom.tenant
    if whom.user is not None:
        mine &= table["prompt"].map(_hash).isin(found.text_hashes)
    if mine.any():
        write_table(table[~mine], path)
    return int(mine.sum())


def _hash(prompt: Any) -> str:
    return hashlib.sha256(str(prompt).encode("utf-8", "surrogatepass")).hexdigest()
