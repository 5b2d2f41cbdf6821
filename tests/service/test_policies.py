"""Policies are listed, promoted in stages and rolled back over HTTP, while requests go on."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from router.current_policy import PolicyWatcher, read_current
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.log.store import LogStore
from router.rollout.candidate_watcher import CandidateWatcher
from router.rollout.promotion import promote
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app


class Service:
    """An app, and the two watchers that let its engine follow the pointers."""

    def __init__(self, engine: Engine, models: Path, policy: Path | None = None) -> None:
        self.engine, self.models = engine, models
        self.app = create_app(engine, Settings(cache=False, models_dir=models, policy=policy))
        self.watchers = [
            PolicyWatcher(models, engine.swap, (), 0.01, engine.known),
            CandidateWatcher(models, engine.try_policy, (), 0.01, engine.known),
        ]

    def follow(self) -> None:
        for watcher in self.watchers:
            watcher.look()

    async def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tierwise") as client:
            return await client.request(method, path, **given)  # type: ignore[arg-type]

    def call(self, method: str, path: str, **given: object) -> httpx.Response:
        return asyncio.run(self.ask(method, path, **given))


@pytest.fixture
def service(tmp_path: Path, safe: SafeRoute, store: LogStore, write_policy: Callable[..., Path]) -> Iterator[Service]:
    write_policy("old")
    write_policy("new", seed=1, value_usd=0.0)
    promote(tmp_path / "models", "old", 1.0)
    engine = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(5.0, 5.0))
    made = Service(engine, tmp_path / "models")
    made.follow()
    yield made
    engine.close()


def test_the_list_says_whether_the_registry_is_behind(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERWISE_MLRUNS_DIR", str(tmp_path / "mlruns"))
    assert Service(service.engine, service.models).call("GET", "/policies").json()["registry"] is None
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    told = Service(service.engine, service.models).call("GET", "/policies").json()["registry"]
    assert told == {"aliases": None, "at": None, "lags": True, "problem": None}
    fixed = Service(service.engine, service.models, service.models / "old")  # then no pointer says what serves
    assert fixed.call("GET", "/policies").json()["registry"] is None


def test_a_policy_goes_up_and_comes_back_with_its_reasons(service: Service) -> None:
    first = service.call("POST", "/policies/promote", json={"policy": "new", "reason": "cheaper", "by": "ann"}).json()
    assert (first["action"], first["share"], first["recorded"]) == ("stage", 0.01, True)
    service.follow()
    assert service.call("GET", "/policies").json()["candidate"]["share"] == 0.01
    for share in (0.1, 0.5, 1.0):
        assert service.call("POST", "/policies/promote", json={}).json()["share"] == share
    service.follow()
    assert service.call("POST", "/route", json={"prompt": "Hi"}).json()["route"] == "gpt-4o-mini|none"
    assert service.call("POST", "/policies/rollback", json={"reason": "regret"}).json()["action"] == "rollback"
    service.follow()
    listed = service.call("GET", "/policies").json()
    assert listed["pointers"]["current.json"]["policy"].endswith("old") and listed["candidate"] is None
    assert [one["action"] for one in listed["changes"]] == ["rollback", "promote", "stage", "stage", "stage"]
    assert listed["changes"][0]["reason"] == "regret" and listed["changes"][-1]["by"] == "ann"
    assert {one["policy"] for one in listed["available"]} == {"old", "new"}


@pytest.mark.parametrize(
    "path, given, field",
    [
        ("promote", {"policy": "../../etc"}, "policy"),
        ("promote", {"policy": "new", "share": 3}, "share"),
        ("promote", {"policy": "new", "shares": 1}, "shares"),
        ("promote", {"policy": "new", "reason": ""}, "reason"),
        ("promote", {}, "policy"),
        ("rollback", {}, "policy"),
        ("rollback", {"withdraw": True}, "policy"),
    ],
)
def test_a_wrong_change_is_refused_by_name(service: Service, path: str, given: dict[str, object], field: str) -> None:
    answer = service.call("POST", f"/policies/{path}", json=given)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_service_of_one_fixed_policy_changes_nothing(service: Service) -> None:
    fixed = Service(service.engine, service.models, policy=service.models / "old")
    assert fixed.call("POST", "/policies/promote", json={"policy": "new"}).status_code == 422


def test_promoting_under_load_answers_every_request_with_a_policy(service: Service) -> None:
    async def load() -> list[httpx.Response]:
        asked = [service.ask("POST", "/route", json={"prompt": "Hi", "session": f"s{i}"}) for i in range(60)]

        async def change() -> None:
            for _ in range(4):
                answer = await service.ask("POST", "/policies/promote", json={"policy": "new"})
                assert answer.status_code == 200
                await asyncio.to_thread(service.follow)

        answers = asyncio.gather(*asked)
        await change()
        return await answers

    answers = asyncio.run(load())
    assert {one.status_code for one in answers} == {200}
    assert all(one.json()["fallback"] is None for one in answers)
    current = read_current(service.models)
    assert current is not None and current.folder.name == "new"
