"""Requests made to break it: from the OpenAPI document by schemathesis, right and wrong ones, with every part open.

Not one may end in a 5xx. `TIERWISE_ABUSE_REQUESTS=20000 python -m pytest -m real -s tests/service/test_abuse.py` sends
20,000 of them; without it a thousand are sent.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from router.cache.guarded import GuardedCache
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.log.store import LogStore
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app
from service.cache_parts import open_cache

pytestmark = pytest.mark.real
PARTS, REQUESTS = 10, int(os.environ.get("TIERWISE_ABUSE_REQUESTS", "1000"))
SHIPPED = Path(__file__).parents[2] / "models" / "verifier"
NAMES = [
    "tenant",
    "user",
    "task_id",
    "session",
    "feature",
    "by",
    "since",
    "until",
    "units",
    "at",
    "kind",
    "tags.a",
    "x",
]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["default", "acme", "day,model", "2026-11-01", "9999-12-31", "0001-01-01", "-1", "1e999", "*"]),
    st.sampled_from(["\x00", "../../etc/passwd", "' OR 1=1 --", "{{7*7}}", "%00", "\u202e", "a" * 5_000]),
)
QUERIES = st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=4)


class Sent:
    """Sends to an app in this process, and counts what came back."""

    def __init__(self, app: Any) -> None:
        self.app, self.statuses, self.broken = app, Counter[int](), list[str]()
        self.loop = asyncio.new_event_loop()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app))

    def send(self, **request: Any) -> None:
        try:
            status = self.loop.run_until_complete(self.client.request(**request)).status_code
        except (httpx.InvalidURL, UnicodeEncodeError, httpx.LocalProtocolError, TypeError):
            return  # no client could send this
        self.statuses[status] += 1
        if status >= 500:
            self.broken.append(f"{status}: {str(request)[:600]}")


@pytest.fixture
def sent(safe: SafeRoute, store: LogStore, store_url: str, tiny_policy: Policy, tmp_path: Path) -> Iterator[Sent]:
    told = Settings(store_url=store_url, models_dir=tmp_path, cache_verifier=SHIPPED, max_body_bytes=1_000_000)
    engine = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(30.0, 30.0))
    engine.swap(tiny_policy)
    engine.use_cache(GuardedCache(open_cache(told, HashingEncoder()), ()))
    made = Sent(create_app(engine, told))
    yield made
    made.loop.close()
    engine.close()


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_generated_request_ends_in_a_5xx(sent: Sent, part: int) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    schema = schemathesis.openapi.from_dict(sent.app.openapi())
    operations = [one.ok() for one in schema.get_all_operations()]
    mine = operations[part::PARTS]
    examples = -(-REQUESTS // len(operations))
    for operation in mine:
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        right, wrong = (operation.as_strategy(generation_mode=mode) for mode in modes)
        cases = right if operation.method.upper() == "GET" else right | wrong

        @given(cases, QUERIES)
        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def send(case: Any, query: dict[str, str]) -> None:
            request = case.as_transport_kwargs(base_url="http://tierwise")
            body = request.pop("data", None)
            if isinstance(body, bytes):
                request["content"] = body
            elif body is not None:
                request["data"] = body
            request.pop("cookies", None)
            sent.send(**request | {"params": query})

        send()
    print(f"part {part}: {sum(sent.statuses.values())} requests, {dict(sorted(sent.statuses.items()))}")
    assert sent.broken == [], "\n".join(sent.broken[:5])
    assert sum(sent.statuses.values()) > 0.9 * examples * len(mine)
