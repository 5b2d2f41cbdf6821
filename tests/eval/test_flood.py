"""The load that measurements put on a service comes when it should."""

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eval.flood import timed_loop


class Decides(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "17")
        self.end_headers()
        self.wfile.write(b'{"fallback":null}')

    def log_message(self, *said: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Decides) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_requests_come_at_their_moments_whatever_became_of_others(url: str) -> None:
    found = timed_loop(url, map(str, itertools.count()), [0.0, 0.0, 0.05, 0.3])
    assert (len(found.good), found.fallbacks, found.statuses) == (4, 0, {})
    assert found.seconds >= 0.3
