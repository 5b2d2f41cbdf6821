"""`python -m service`: serve decisions over HTTP. `… keys`: who may call. `… migrate`: upgrade the stores. `… demo`:
show the whole of Tierwise once."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from router.console import run_command
from router.current_policy import pointer_path
from router.errors import InputError
from router.settings import Settings
from service.access_start import access_lines, check_access
from service.allocator import few_arenas
from service.bootstrap import Runtime
from service.keys_command import run_keys
from service.privacy_command import run_privacy
from service.serving import serve_as_worker, serve_on
from service.workers import Workers


def main(argv: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["demo"]:
        from service.demo import run_demo

        return run_demo(given[1:])
    if given[:1] == ["migrate"]:
        from service.migrate import run_migrate

        return run_migrate(given[1:])
    if given[:1] == ["keys"]:
        return run_keys(given[1:])
    if given[:1] == ["privacy"]:
        return run_privacy(given[1:])
    arguments = _parser().parse_args(given)
    return run_command(lambda: serve(read_settings(arguments)))


def read_settings(arguments: argparse.Namespace) -> Settings:
    """The environment's settings; what the command line says wins. Raises InputError naming the key."""
    return Settings(**{name: value for name, value in vars(arguments).items() if value is not None})


def serve(settings: Settings) -> None:
    """Listen until told to stop. Raises InputError when the address is taken."""
    few_arenas()
    listener = _listen(settings.host, settings.port)
    with listener:
        check_access(settings)
        runtime = Runtime(settings)  # raises here, and not in every worker, what can never work
        _announce(settings, _url(settings, listener))
        if settings.workers == 1:
            serve_on(runtime, listener)
        else:
            runtime.close()
            Workers(settings, listener, serve_as_worker).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description=__doc__,
        epilog="Every other key is read from the environment, TIERWISE_…: see router/settings.py.",
    )
    parser.add_argument("--policy", type=Path, help="policy folder (default: what models/current.json names)")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8080; 0 picks a free one)")
    parser.add_argument("--workers", type=int, help="processes behind the port (default 1), on one store")
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
    access = access_lines(settings)
    print("\n".join(access))
    print(f"  ready?   curl {url}/readyz")
    key = ' -H "Authorization: Bearer $KEY"' if "with a key" in access[0] else ""
    print(f'  try      curl {url}/route{key} -d \'{{"prompt": "What is 2 + 2?"}}\'', flush=True)


if __name__ == "__main__":
    sys.exit(main())
