"""Starts a retraining when drift asks for it or its time has come: an operator's command, in a process of its own.

Knows a command and a pause. What comes of it is a candidate like any other: the gate still decides.
"""

import os
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from router.prices import now

PAUSE = timedelta(hours=24)  # at least, between two starts


class Retraining:
    """Call it with a reason, from any thread. Without a command it does nothing."""

    def __init__(self, command: Sequence[str], clock: Callable[[], datetime] = now) -> None:
        self._command, self._clock, self._lock = tuple(command), clock, Lock()
        self._started: datetime | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, reason: str) -> str | None:
        """What was done, in words; None where nothing was. The command finds the reason in TIERWISE_RETRAIN_REASON."""
        with self._lock:
            if not self._command:
                return None
            if self._process is not None and self._process.poll() is None:
                return "a retraining runs already"
            if self._started is not None and self._clock() - self._started < PAUSE:
                return f"the last retraining began at {self._started:%Y-%m-%d %H:%M}, less than a day ago"
            self._started = self._clock()
            try:
                self._process = self._start(reason)
            except OSError as error:
                return f"the retraining could not be started ({type(error).__name__})"
            return "a retraining was started"

    def _start(self, reason: str) -> "subprocess.Popen[bytes]":
        """In a session of its own, so that it outlives the service."""
        return subprocess.Popen(
            self._command,
            env=os.environ | {"TIERWISE_RETRAIN_REASON": reason},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
