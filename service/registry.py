"""Lets the aliases in the registry of models follow the pointers: a command of its own, tried until it has succeeded.

Knows a command, a note and pauses; no registry. Nothing waits for it: a registry that hangs or is broken delays no
promotion and no request.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

from router.events import Hook, RegistryTold, tell
from router.prices import now
from router.rollout import registry
from router.rollout.registry import Aliases
from router.settings import Settings
from service.shared_metrics import METRICS_FOLDER

COMMAND = (sys.executable, "-m", "training", "policies", "--sync")
LOOK_EVERY_SECONDS = 5.0
PATIENCE_SECONDS = 120.0  # then a sync is ended: importing MLflow takes seconds, its database may be locked
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 30.0, 3_600.0
_TAIL_BYTES = 2_000


class RegistryFollower:
    """Call `look` now and then, from one thread of one process: it starts what is due and hears how it ended."""

    def __init__(
        self,
        settings: Settings,
        hooks: Sequence[Hook] = (),
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._hooks, self._command, self._clock = settings, tuple(hooks), tuple(command), clock
        self._running: tuple[subprocess.Popen[bytes], IO[bytes], float] | None = None
        self._tried: Aliases | None = None
        self._rest, self._due = FIRST_REST_SECONDS, 0.0

    def look(self) -> None:
        """Raises nothing that a file, a registry or a command may cause."""
        if self._settings.policy is not None:  # the pointers do not say what serves
            return
        if self._running is not None and not self._ended(*self._running):
            return
        wanted = registry.pointed(self._settings.models_dir)
        if not registry.lags(self._settings) or wanted is None:
            self._tried, self._rest, self._due = None, FIRST_REST_SECONDS, 0.0
        elif wanted != self._tried or self._clock() >= self._due:
            if wanted != self._tried:
                self._rest = FIRST_REST_SECONDS
            self._tried = wanted
            self._start()

    def _start(self) -> None:
        """In a session of its own, so that it outlives the service."""
        models, mlruns = self._settings.models_dir, self._settings.mlruns_dir
        environment = os.environ | {"TIERWISE_MODELS_DIR": str(models), "TIERWISE_MLRUNS_DIR": str(mlruns)}
        environment.pop(METRICS_FOLDER, None)  # its counters are none of the service's
        said = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the command runs)
        try:
            process = subprocess.Popen(
                self._command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            said.close()
            self._failed(f"the sync could not be started ({type(error).__name__})")
        else:
            self._running = process, said, self._clock()

    def _ended(self, process: "subprocess.Popen[bytes]", said: IO[bytes], since: float) -> bool:
        code = process.poll()
        if code is None and self._clock() - since < PATIENCE_SECONDS:
            return False
        self._running = None
        with said:
            if code == 0:
                self._later()  # unless its note says that all is told
                tell(self._hooks, RegistryTold(None))
            elif code is None:
                process.kill()
                process.wait()
                self._failed(f"the sync did not end within {PATIENCE_SECONDS:.0f} s")
            else:
                self._failed(_last_line(said) or f"the sync ended with {code}")
        return True

    def _later(self) -> None:
        """Try again after a rest, ever more rarely, and at once when the pointers say something else."""
        self._due, self._rest = self._clock() + self._rest, min(2 * self._rest, LONGEST_REST_SECONDS)

    def _failed(self, problem: str) -> None:
        self._later()
        with suppress(OSError):
            registry.note_problem(self._settings.models_dir, problem, now())
        tell(self._hooks, RegistryTold(problem))


def _last_line(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(said.tell() - _TAIL_BYTES, 0))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else ""
