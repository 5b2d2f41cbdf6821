"""Forgetting over HTTP: a tenant, or one of its users, from the store and from the memory of every process on it."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from router.engine import Engine
from router.errors import InputError
from router.log.presence import PresenceStore, told_to_all
from router.log.store import LogStore
from router.privacy.cipher import Cipher
from router.privacy.erasure import Forgotten, Whom, totals
from router.privacy.forgetting import PATIENCE_SECONDS, forget
from router.privacy.leaver import Leaver
from router.privacy.retention import Retention
from router.settings import Settings
from router.spend.late_booking import LateBooking
from service.bodies import answered, json_answer
from service.schemas import documented


def add_privacy(app: FastAPI, engine: Engine, settings: Settings) -> None:
    @app.post("/privacy/forget", **documented("privacy_forget"))
    async def privacy_forget(request: Request) -> Response:
        """Remove what is kept of a tenant, or of one of its users: {tenant, user}. The books keep amounts, no names."""

        async def answer(given: dict[str, Any]) -> Response:
            whom = read_whom(given)
            rows, heard = await run_in_threadpool(forget_whom, settings, whom)
            await run_in_threadpool(engine.forget, Leaver.of(whom.tenant, whom.user))
            return json_answer({"tenant": whom.tenant, "user": whom.user, "removed": rows, "everywhere": heard})

        return await answered(request, settings.max_body_bytes, answer)


def read_whom(given: dict[str, Any]) -> Whom:
    """Raises InputError: nothing is forgotten by mistake, so an unknown field is refused."""
    for name in given:
        if name not in ("tenant", "user"):
            raise InputError(name, given[name], "unknown field", "Known: tenant, user.")
    tenant, user = given.get("tenant"), given.get("user")
    if not isinstance(tenant, str) or not tenant:
        raise InputError("tenant", tenant, "missing", "Name the tenant.")
    if user is not None and (not isinstance(user, str) or not user):
        raise InputError("user", user, "not a name", "Name the user, or leave it out to forget the whole tenant.")
    return Whom(tenant, user)


def cipher_of(settings: Settings) -> Cipher:
    """The keys that the cache is sealed with. Raises InputError."""
    keys = settings.cache_keys
    return Cipher.read(None if keys is None else keys.get_secret_value())


def retention_of(settings: Settings) -> Retention:
    return Retention(settings.keep_text_days, settings.keep_log_days, settings.keep_names_days)


def forget_whom(settings: Settings, whom: Whom, labels: Sequence[Path] = ()) -> tuple[dict[str, int], bool]:
    """Rows removed, by table, and whether every living process has said that it forgot. Raises StoreError.

    What waits in a spool is stored first: it would else come back afterwards. What a process wrote down, or spooled,
    before it heard is removed the second time.
    """
    urls = settings.store_url, settings.cache_url or settings.store_url
    leaver, heard, known = Leaver.of(whom.tenant, whom.user), True, Forgotten()
    removed: dict[str, int] = {}
    presence, store = (
        PresenceStore(settings.store_url, PATIENCE_SECONDS),
        LogStore(settings.store_url, late=LateBooking),
    )
    with closing(presence), closing(store):
        for files in (labels, ()):
            store.settle_everywhere()
            again = forget(*urls, cipher_of(settings), whom, settings.models_dir / "cache-index", files, known)
            removed = totals(removed, again)
            heard = told_to_all(presence, leaver) and heard
    return removed, heard
