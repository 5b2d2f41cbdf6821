"""Starting: wrong settings end with code 2 and one message; missing parts do not."""

import io
import json
import socket
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from router.current_policy import write_current
from router.encoders import HashingEncoder
from router.settings import Settings
from service import bootstrap, loading
from service.__main__ import main
from service.bootstrap import Runtime
from service.logs import make_logger


@pytest.fixture
def settings(tmp_path: Path) -> dict:
    return {
        "models_dir": tmp_path / "models",
        "encoder_backend": "hashing",
        "store_url": f"sqlite:///{tmp_path}/log.db",
        "policy_poll_seconds": 0.02,
    }


@pytest.mark.parametrize(
    "argv, said",
    [
        (["--policy", "models/nowhere"], "policy models/nowhere: no policy here"),
        (["--port", "99999"], "port: Input should be less than or equal to 65535"),
        (["--host", "256.1.1.1"], "port: cannot listen"),
    ],
)
def test_a_wrong_argument_is_one_message_and_code_2(argv, said, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIERWISE_PORT", "0")
    assert main(argv) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {said}") and message.count("\n") == 1


@pytest.mark.parametrize(
    "key, value, said", [("SAFE_ROUTE", "|", "safe_route: not a route"), ("STORE_URL", "x", "store_url: not usable")]
)
def test_a_wrong_setting_is_one_message_and_code_2(key, value, said, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIERWISE_PORT", "0")
    monkeypatch.setenv(f"TIERWISE_{key}", value)
    assert main([]) == 2
    assert said in capsys.readouterr().err


def test_a_taken_port_is_one_message_and_code_2(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 2
    assert "cannot listen" in capsys.readouterr().err


def test_demo_is_handed_its_arguments(monkeypatch) -> None:
    demo = ModuleType("service.demo")
    demo.run_demo = lambda argv: len(argv)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "service.demo", demo)
    assert main(["demo", "--labels", "x"]) == 2


def started(settings: dict, **more: object) -> SimpleNamespace:
    """A runtime whose loading is over, or failed for the first time; and what it wrote to its log."""
    stream = io.StringIO()
    runtime = Runtime(Settings(**settings, **more), make_logger("info", stream))

    def events() -> list[str]:
        return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]

    runtime.start()
    wait(lambda: not runtime._loading.is_alive() or {"encoder not loaded", "policy refused"} & {*events()})
    return SimpleNamespace(engine=runtime.engine, metrics=runtime.metrics, close=runtime.close, events=events)


def test_a_named_policy_is_served(settings, write_policy) -> None:
    runtime = started(settings, policy=write_policy())
    assert runtime.engine.policy.folder.name == "tiny"
    runtime.close()


def test_the_pointer_is_followed_and_a_broken_promotion_refused(settings, write_policy) -> None:
    runtime = started(settings)
    assert runtime.engine.policy is None
    write_current(settings["models_dir"], write_policy())
    wait(lambda: runtime.engine.policy is not None)
    broken = write_policy("broken", seed=1)
    write_current(settings["models_dir"], broken)
    wait(lambda: runtime.engine.policy.folder.name == "broken")
    write_current(settings["models_dir"], write_policy("other", dim=32))
    wait(lambda: "policy refused" in runtime.events())
    assert runtime.engine.policy.folder.name == "broken"
    runtime.close()


@pytest.mark.parametrize("encoder", ["/nowhere/at/all", "no-such-model"])
def test_an_encoder_that_cannot_be_loaded_does_not_stop_the_service(
    settings, write_policy, encoder, monkeypatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    runtime = started(settings | {"encoder_backend": "onnx", "encoder": encoder}, policy=write_policy())
    assert runtime.engine.encoder is None
    assert "encoder not loaded" in runtime.events()
    runtime.close()


def test_a_damaged_policy_does_not_stop_the_service(settings, write_policy) -> None:
    folder = write_policy()
    (folder / "sweep.json").write_text("{}")
    runtime = started(settings, policy=folder)
    assert runtime.engine.policy is None
    assert runtime.events() == ["policy refused"]
    runtime.close()


def test_what_fails_at_the_start_is_tried_again(settings, write_policy, monkeypatch) -> None:
    """Memory is short and the store is away; then they are not."""
    monkeypatch.setattr(loading, "FIRST_REST_SECONDS", 0.01)
    tries = iter([MemoryError(), MemoryError()])

    def load(given: Settings) -> HashingEncoder:
        for error in tries:
            raise error
        return HashingEncoder()

    monkeypatch.setattr(bootstrap, "load_encoder", load)
    folder = settings["models_dir"].parent / "store"
    folder.write_text("a file where a folder should be")
    runtime = started(settings | {"store_url": f"sqlite:///{folder}/log.db"}, policy=write_policy())
    wait(lambda: runtime.engine.policy is not None and runtime.engine.encoder is not None)
    wait(lambda: "cache failed" in runtime.events())
    assert runtime.engine.cache is None
    folder.unlink()
    wait(lambda: runtime.engine.cache is not None)
    assert runtime.events().count("encoder not loaded") == 2
    wait(lambda: b"tierwise_cache_max_wrong_ratio" in runtime.metrics.render())
    runtime.close()


def test_a_cache_opened_without_an_encoder_is_opened_again_with_one(settings, write_policy, monkeypatch) -> None:
    monkeypatch.setattr(loading, "FIRST_REST_SECONDS", 0.01)
    there: list[HashingEncoder] = []
    monkeypatch.setattr(bootstrap, "load_encoder", lambda given: there[0])
    runtime = started(settings, policy=write_policy())
    wait(lambda: runtime.engine.cache is not None)
    first = runtime.engine.cache
    there.append(HashingEncoder())
    wait(lambda: runtime.engine.encoder is not None and runtime.engine.cache is not first)
    runtime.metrics.render()
    runtime.close()


def wait(reached) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
