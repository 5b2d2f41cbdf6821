"""`python -m service`: serve decisions over HTTP. `python -m service keys`: who may call. `python -m service demo`:
show the whole of Tierwise once."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from router.console import run_command
from router.current_policy import pointer_path
from router.errors import InputError
from router.settings import Settings
from service.access_start import access_lines, check_access, tls_of
from service.bootstrap import Runtime
from service.keys_command import run_keys
from service.privacy_command import run_privacy

DRAIN_SECONDS = 10


def main(argv: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["demo"]:
        from service.demo import run_demo

        return run_demo(given[1:])
    if given[:1] == ["keys"]:
        return run_keys(given[1:])
    if given[:1] == ["privacy"]:
        return run_privacy(given[1:])
    arguments = _parser().parse_args(given)
    return run_command(lambda: serve(read_settings(arguments)))


def read_settings(arguments: argparse.Namespace) -> Settings:
    """The environment's settings; what the command line says wins. Raises InputError naming the key."""
    said = {name: value for name, value in vars(arguments).items() if value is not None}
    try:
        return Settings(**said)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InputError(name, first["input"], first["msg"], f"Set --{name} or TIERWISE_{name.upper()}.") from error


def serve(settings: Settings) -> None:
    """Listen until told to stop. Raises InputError when the address is taken."""
    listener = _listen(settings.host, settings.port)
    with listener:
        check_access(settings)
        runtime = Runtime(settings)
        _announce(settings, _url(settings, listener))
        config = uvicorn.Config(
            runtime.app(),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            **tls_of(settings),
        )
        uvicorn.Server(config).run(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description=__doc__,
        epilog="Every other key is read from the environment, TIERWISE_…: see router/settings.py.",
    )
    parser.add_argument("--policy", type=Path, help="policy folder (default: what models/current.json names)")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8080; 0 picks a free one)")
    return parser


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        cure = "Stop what listens there, or choose another with --host and --port."
        raise InputError("port", f"{host}:{port}", f"cannot listen: {error.strerror}", cure) from error


def _url(settings: Settings, listener: socket.socket) -> str:
    host, scheme = settings.host, "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _announce(settings: Settings, url: str) -> None:
    """Where it listens, what it serves, what to do next. The encoder may still be loading: /readyz tells."""
    print(f"Tierwise listens on {url}")
    if settings.policy is not None:
        print(f"  policy   {settings.policy}")
    elif pointer_path(settings.models_dir).is_file():
        print(f"  policy   as {pointer_path(settings.models_dir)} says, followed while serving")
    else:
        print(f"  WARNING  no policy: every request is answered with the safe route {settings.safe_route}.")
        print("           Train one with python -m training fit, then start with --policy models/NAME.")
    for line in access_lines(settings):
        print(line)
    print(f"  ready?   curl {url}/readyz")
    print(f'  try      curl {url}/route -d \'{{"prompt": "What is 2 + 2?"}}\'', flush=True)


if __name__ == "__main__":
    sys.exit(main())
