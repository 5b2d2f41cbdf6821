"""One process that serves on a socket it was handed."""

import socket

import uvicorn

from router.settings import Settings
from service.access_start import tls_of
from service.allocator import few_arenas
from service.bootstrap import Runtime

DRAIN_SECONDS = 10


def serve_as_worker(settings: Settings, listener: socket.socket) -> None:
    """One of several processes: serve on a socket until told to stop."""
    few_arenas()
    serve_on(Runtime(settings), listener)


def serve_on(runtime: Runtime, listener: socket.socket) -> None:
    """Serve until told to stop, then answer what was accepted."""
    config = uvicorn.Config(
        runtime.app(),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **tls_of(runtime.settings),
    )
    uvicorn.Server(config).run(sockets=[listener])
