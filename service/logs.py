"""The service's log: one JSON object per line. Never prompt text, never secrets: only names, ids and causes."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

from router.events import (
    CacheFailed,
    Decided,
    EncoderFailed,
    Event,
    PolicyChanged,
    PolicyRefused,
    PolicySwapped,
    RegistryTold,
    ReportFailed,
    SpendAlert,
    SpendingFileRead,
    SpendingRefused,
    Undecided,
)
from router.money import usd_text
from router.privacy.redaction import redact_all


def make_logger(level: str = "info", stream: TextIO | None = None) -> Any:
    """A logger of its own: nothing global is configured."""
    return structlog.wrap_logger(
        structlog.WriteLogger(_Unbreakable(stream or sys.stderr)),  # type: ignore[arg-type]
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _redacted,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
    )


def _redacted(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A net: words of an exception or of another program may quote what they should not."""
    return {name: value if name in ("at", "level") else redact_all(value) for name, value in event.items()}


class _Unbreakable:
    """A full disk, or a reader that went away, costs the line and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class EventLog:
    """Writes the engine's events down: every decision at debug, whatever went wrong louder."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger.bind()

    def __call__(self, event: Event) -> None:
        match event:
            case Decided():
                self._decided(event)
            case SpendingRefused():
                self._logger.warning("spending refused", cause=str(event.refusal), tenant=event.tenant)
            case SpendAlert():
                alert = event.alert
                said = {"rule": alert.rule, "subject": alert.subject, "evidence": dict(alert.evidence)}
                self._logger.warning("spend alert", message=alert.message, webhook_took_it=event.delivered, **said)
            case SpendingFileRead() if event.problem:
                self._logger.error("spending file refused", problem=event.problem)
            case SpendingFileRead():
                self._logger.info("spending file taken")
            case PolicySwapped():
                self._logger.info("policy swapped", version=event.version, folder=str(event.folder))
            case PolicyChanged():
                change = event.change
                level = self._logger.warning if change.action == "rollback" else self._logger.info
                said = {
                    name: getattr(change, name) for name in ("policy", "version", "share", "serving", "by", "reason")
                }
                level(f"policy {change.action}", **said)
            case RegistryTold() if event.problem:
                self._logger.warning("the registry's aliases were not moved", problem=event.problem)
            case RegistryTold():
                self._logger.info("the registry's aliases say what the pointers say")
            case PolicyRefused():
                self._logger.error("policy refused", source=str(event.source), problem=event.problem)
            case EncoderFailed():
                self._logger.error("encoder not loaded", problem=event.problem)
            case Undecided(instead="incumbent"):
                self._logger.warning("the candidate could not decide; the incumbent did", version=event.version)
            case CacheFailed():
                level = self._logger.debug if event.step == "skipped" else self._logger.error
                level("cache failed", step=event.step, failure=event.failure)
            case ReportFailed():
                level = self._logger.info if event.cause == "unknown-decision" else self._logger.error
                level("report not recorded", cause=event.cause)

    def _decided(self, event: Decided) -> None:
        decision = event.decision
        said = {"decision_id": decision.decision_id, "route": decision.chosen.route.key, "policy": decision.policy}
        for one, share in event.charged.crossed if event.charged else ():
            budget, spent = one.applied.budget, usd_text(one.balance.spent)
            told = {"budget": budget.name, "counter": one.applied.key, "share": share, "limit": str(budget.limit_usd)}
            self._logger.warning("budget share crossed", spent_usd=spent, **told)
        if decision.fallback is not None:
            self._logger.warning("safe route answered", cause=decision.fallback, failure=event.failure, **said)
        if event.unlogged is not None:
            self._logger.error("decision not logged", cause=event.unlogged, **said)
        if decision.fallback is None and event.unlogged is None:
            self._logger.debug("decided", **said)
