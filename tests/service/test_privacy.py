"""Forgetting and retention as an operator uses them: over HTTP and by command."""

import asyncio
import gc
import json
from pathlib import Path
from types import FunctionType, ModuleType

import httpx
import numpy as np
import pytest

from router.cache import key
from router.cache.guarded import GuardedCache
from router.cache.pair_words import misspelt
from router.cache.text_view import bucket, stem
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.exploration import ExploreLimits, Explorer
from router.log import presence
from router.log.presence import Presence, PresenceStore
from router.log.store import LogStore
from router.policy import Policy
from router.prices import PriceBook, now
from router.privacy.leaver import Leaver
from router.privacy.text_rule import TextRule
from router.requests import Request
from router.safe_route import SafeRoute
from router.settings import Settings
from router.shadow.beside import Shadow, ShadowRules
from router.shadow.daily_cap import DailyCap
from router.spend.late_booking import LateBooking
from router.spend.spending import Spending
from service.__main__ import main
from service.app import create_app
from service.cache_parts import open_cache
from service.endpoint import Endpoint
from service.inputs import SeenInputs
from service.shadow_runs import ShadowRuns
from service.watching import Watching

SHIPPED = Path(__file__).parents[2] / "models" / "verifier"
PRICE = PriceBook().usd
ASKED = {"prompt": "what ails bobby", "tenant": "acme", "user": "bobby"}


class Service:
    def __init__(self, settings: Settings, safe: SafeRoute, policy: Policy) -> None:
        self.settings = settings
        log = LogStore(settings.store_url, keep_text=TextRule(settings.store_text, settings.store_text_tenants))
        self.engine = Engine(safe, log, encoder=HashingEncoder(), limits=Limits(10.0, 10.0))
        self.engine.swap(policy)
        self.engine.use_cache(GuardedCache(open_cache(settings, HashingEncoder()), ()))
        self.app = create_app(self.engine, settings)

    def post(self, path: str, body: dict) -> httpx.Response:
        async def once() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://t") as client:
                return await client.post(path, json=body)

        return asyncio.run(once())


@pytest.fixture
def service(store_url: str, tmp_path: Path, safe: SafeRoute, tiny_policy: Policy):
    settings = Settings(
        store_url=store_url, models_dir=tmp_path, cache_verifier=SHIPPED, store_text_tenants=frozenset({"texts"})
    )
    made = Service(settings, safe, tiny_policy)
    yield made
    made.engine.close()


def cached(service: Service, asked: dict = ASKED) -> bool:
    return service.post("/route", asked).json()["action"] == "cached"


def test_a_forgotten_user_is_answered_from_nothing_that_it_left(service: Service) -> None:
    decided = service.post("/route", ASKED).json()
    service.post("/outcomes", {"decision_id": decided["decision_id"], "tenant": "acme", "answer": "the flu"})
    assert cached(service)
    done = service.post("/privacy/forget", {"tenant": "acme", "user": "bobby"}).json()
    assert done["removed"]["cache_answers"] == 1 and done["removed"]["decisions"] == 2
    assert not cached(service)


def texts_in_reach(*roots: object) -> str:
    """Every text and byte string that these objects, and the caches of functions, still hold on to."""
    stack, seen, found = [*roots, stem, bucket, misspelt, key._partition], set(), []
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, (type, ModuleType)):
            continue
        seen.add(id(one))
        if isinstance(one, (str, bytes)):
            found.append(str(one))
        elif isinstance(one, FunctionType):
            stack += [*(one.__closure__ or ()), *(one.__defaults__ or ())]
        else:
            stack += gc.get_referents(one)
    return "\n".join(found)


def test_nothing_of_a_forgotten_tenant_is_left_in_memory(
    service: Service, write_policy, store: LogStore, monkeypatch
) -> None:
    monkeypatch.setattr("router.engine.ASK_SECONDS", 0.0)
    engine = service.engine
    engine.explorer = Explorer(ExploreLimits(epsilon=0.5, daily_usd=1.0, daily_wrong=1.0))
    runs = ShadowRuns(Endpoint("http://llm/v1", None, 1.0), DailyCap(1.0, store), store, engine.price, Spending)
    shadow = Shadow(store, ShadowRules(execute=1.0), run=runs.run)
    shadow.use(Policy.load(write_policy("next", seed=1, value_usd=0.0)))
    engine.watcher = Watching([shadow, SeenInputs(engine), runs])
    for word in ("zanzibar", "quagmire"):  # the first is run and scored later, the second waits to be compared
        asked = {"prompt": f"what ails {word}", "tenant": "acmecorp", "user": "bobbytables", "session": "sess1"}
        decided = service.post("/route", asked).json()
        if word == "zanzibar":
            shadow.work()
            service.post("/outcomes", {"decision_id": decided["decision_id"], "tenant": "acmecorp", "answer": "flu"})
            service.post("/route", asked)
    gone = ("zanzibar", "quagmire", "acmecorp", "bobbytables", "sess1")
    held = texts_in_reach(engine)
    assert all(word in held for word in ("zanzibar", "quagmire", "acmecorp", "sess1"))
    assert service.post("/privacy/forget", {"tenant": "acmecorp"}).json()["everywhere"]
    held = texts_in_reach(engine)
    assert [word for word in gone if word in held] == []


def test_every_process_on_the_store_forgets_before_the_answer_comes(
    service: Service, safe: SafeRoute, tiny_policy: Policy, store_url: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(presence, "LOOK_SECONDS", 0.02)
    other = Service(service.settings, safe, tiny_policy)
    running = [Presence(PresenceStore(store_url), one.engine.forget) for one in (service, other)]
    for one in running:
        one.look()
        one.start()
    decided = service.post("/route", ASKED).json()
    service.post("/outcomes", {"decision_id": decided["decision_id"], "tenant": "acme", "answer": "the flu"})
    other.engine.cache.cache.follow()
    assert cached(service) and cached(other)
    waiting = ASKED | {"prompt": "does bobby cough"}
    other.post("/route", waiting)  # its text awaits an answer in memory, and is not written yet
    flushing = other.engine.forget  # it writes down what it awaits, and decides once more, a moment before it hears
    spooling, asked = LogStore(store_url, late=LateBooking), [Request.from_mapping(waiting)]

    def flushed_before(leaver: Leaver) -> None:
        other.engine.cache.cache.flush()
        while asked:
            request = asked.pop()
            decision = tiny_policy.decide(request, np.zeros(64, np.float32), now())
            assert spooling.append(decision, request, Spending().reserving(decision, request, PRICE)).done()
        flushing(leaver)

    running[1]._hear = flushed_before
    done = service.post("/privacy/forget", {"tenant": "acme", "user": "bobby"}).json()
    assert done["everywhere"] and done["removed"]["cache_answers"] == 1
    assert done["removed"]["decisions"] == 5
    spooling.close()
    other.engine.cache.cache.flush()
    assert "bobby" not in texts_in_reach(service.engine, other.engine)
    for one in running:
        one.stop()
    other.engine.close()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"bobby" not in path.read_bytes()


def test_nothing_is_forgotten_by_a_slip(service: Service) -> None:
    for body in ({}, {"tenant": ""}, {"tenant": "a", "user": ""}, {"tenant": "a", "users": ["b"]}):
        assert service.post("/privacy/forget", body).status_code == 422


def test_text_is_kept_for_the_tenants_that_allow_it_and_for_no_other(service: Service) -> None:
    store = service.engine.store
    assert store is not None
    for tenant, text in (("texts", "what ails bobby"), ("acme", None)):
        decided = service.post("/route", ASKED | {"tenant": tenant}).json()
        assert store.decision(decided["decision_id"], tenant)["text"] == text


def test_words_of_a_report_lose_secrets_unless_texts_are_kept(service: Service) -> None:
    store = service.engine.store
    assert store is not None
    for tenant, left in (("texts", "bob@example.com"), ("acme", "[email]")):
        decided = service.post("/route", ASKED | {"tenant": tenant}).json()
        said = {"error": "no such user: bob@example.com", "details": {"to": ["bob@example.com"]}}
        told = {"decision_id": decided["decision_id"], "tenant": tenant} | said
        assert service.post("/outcomes", told).json()["repeated"] is False
        assert service.post("/outcomes", told).json()["repeated"] is True
        [report] = store.reports_of(decided["decision_id"], tenant)
        assert report["said"]["error"] == f"no such user: {left}"
        assert report["said"]["details"] == {"to": [left]}


def test_the_commands_do_the_same(service: Service, store_url: str, tmp_path: Path, monkeypatch, capsys) -> None:
    service.post("/route", ASKED)
    monkeypatch.setenv("TIERWISE_STORE_URL", store_url)
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path))
    assert main(["privacy", "forget", "--tenant", "acme", "--user", "bobby"]) == 0
    assert "1  decisions" in capsys.readouterr().out
    assert main(["privacy", "forget", "--tenant", "acme", "--user", "bobby"]) == 0
    assert "Nothing was kept" in capsys.readouterr().out
    assert main(["privacy", "retire"]) == 0
    monkeypatch.setenv("TIERWISE_CACHE_KEYS", "k1:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=")
    assert main(["privacy", "reseal"]) == 0
    assert "sealed with 'k1'" in capsys.readouterr().out


def test_a_wrong_cache_key_is_one_message_that_does_not_show_it(monkeypatch, capsys, store_url: str) -> None:
    monkeypatch.setenv("TIERWISE_STORE_URL", store_url)
    monkeypatch.setenv("TIERWISE_CACHE_KEYS", json.dumps("hunter2"))
    assert main(["privacy", "reseal"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: cache_keys") and "hunter2" not in said
