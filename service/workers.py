"""`--workers N`: several processes behind one port. Knows how they are started, watched and stopped; serves nothing.

All accept from one socket: whoever is idle takes a connection, and while a worker starts, or starts again after it was
killed, the others take what it would have taken.
"""

import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

from prometheus_client import multiprocess

from router.settings import Settings
from service.shared_metrics import METRICS_FOLDER

_AGAIN_SECONDS = 1.0  # a worker that ends at once is not started again faster than this
Serve = Callable[[Settings, socket.socket], None]


class Workers:
    """Keeps `settings.workers` processes running until SIGTERM or SIGINT, then lets them finish."""

    def __init__(self, settings: Settings, listener: socket.socket, serve: Serve) -> None:
        self._settings, self._listener, self._serve = settings, listener, serve
        self._context = multiprocessing.get_context("spawn")
        self._processes: list[SpawnProcess] = []
        self._stopping = False

    def run(self) -> None:
        """Returns when all have ended."""
        with tempfile.TemporaryDirectory(prefix="tierwise-metrics-") as folder:
            os.environ[METRICS_FOLDER] = folder  # read by the workers when they import prometheus_client
            before = {one: signal.signal(one, self._stop) for one in (signal.SIGTERM, signal.SIGINT)}
            try:
                self._processes = [self._started(place) for place in range(self._settings.workers)]
                while not self._stopping or any(process.is_alive() for process in self._processes):
                    self._look(Path(folder))
            finally:
                for one, handler in before.items():
                    signal.signal(one, handler)
                del os.environ[METRICS_FOLDER]

    def _look(self, folder: Path) -> None:
        """Wait for one to end; start another in its place unless everything stops."""
        wait([process.sentinel for process in self._processes], timeout=0.5)
        for place, process in enumerate(self._processes):
            if process.exitcode is not None and not self._stopping:
                multiprocess.mark_process_dead(process.pid or 0, str(folder))
                time.sleep(_AGAIN_SECONDS)
                self._replace(place)

    def _replace(self, place: int) -> None:
        """Start another worker, unless everything was told to stop while nobody looked. Where none can be started now,
        memory being short, say, the next look tries again."""
        if self._stopping:
            return
        with suppress(OSError):
            started = self._processes[place] = self._started(place)
            if self._stopping:
                started.terminate()

    def _started(self, place: int) -> SpawnProcess:
        process = self._context.Process(
            target=_work, args=(self._serve, self._settings, self._listener), name=f"worker-{place}"
        )
        process.start()
        return process

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for process in self._processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGTERM)


def _work(serve: Serve, settings: Settings, listener: socket.socket) -> None:
    """In the worker: serve until told to stop, or until the parent is gone."""
    threading.Thread(target=_watch_parent, name="parent-watch", daemon=True).start()
    serve(settings, listener)


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
