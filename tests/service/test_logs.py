"""The log is JSON, one line per event, and never holds what a user wrote."""

import asyncio
import contextlib
import io
import json
import os
from pathlib import Path

import pytest

from router.encoders import HashingEncoder
from router.engine import Engine
from router.events import EncoderFailed, PolicyRefused, PolicySwapped, ReportFailed
from router.policy import Policy
from router.requests import Request
from router.safe_route import SafeRoute
from service.logs import EventLog, make_logger


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_that_cannot_be_written_costs_nothing_else() -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:
        make_logger("info", full).error("nobody reads this")
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w") as broken:
        make_logger("info", broken).error("nor this")


def test_events_are_written_with_their_level(stream: io.StringIO) -> None:
    log = EventLog(make_logger("info", stream))
    for event in (
        PolicySwapped("v1", Path("models/v1")),
        PolicyRefused(Path("models/current.json"), "damaged"),
        EncoderFailed("no weights"),
        ReportFailed("unknown-decision"),
        ReportFailed("store-error"),
    ):
        log(event)
    assert [line["level"] for line in lines(stream)] == ["info", "error", "error", "info", "error"]


def test_no_prompt_text_reaches_the_log(stream: io.StringIO, safe: SafeRoute, tiny_policy: Policy, monkeypatch) -> None:
    def quote(texts: list[str]) -> None:
        raise ValueError(f"cannot encode {texts}")

    engine = Engine(safe, encoder=HashingEncoder(), hooks=[EventLog(make_logger("debug", stream))])
    engine.swap(tiny_policy)
    request = Request.from_mapping({"prompt": "my password is hunter2", "user": "anna"})
    asyncio.run(engine.route(request))
    monkeypatch.setattr(engine.encoder, "encode", quote)
    asyncio.run(engine.route(request))
    found = lines(stream)
    assert [line["event"] for line in found][-2:] == ["safe route answered", "decision not logged"]
    assert found[-2]["failure"] == "ValueError"
    assert "hunter2" not in stream.getvalue() and "anna" not in stream.getvalue()
