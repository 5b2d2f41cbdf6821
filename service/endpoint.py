"""One chat completion from an OpenAI-compatible endpoint, within a deadline. Knows HTTP; keeps and logs nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from router.errors import InputError, TierwiseError
from router.provider_usage import read_usage

MOST_BYTES = 4_000_000


class EndpointError(TierwiseError):
    """The endpoint did not answer as it should, or not in time."""


@dataclass(frozen=True)
class Completion:
    """An answer's text, the token counts that the endpoint stated, and how long it took."""

    text: str
    usage: Mapping[str, Any]
    seconds: float


class Endpoint:
    """`base_url` ends before `/chat/completions`. Use it from one thread; close it when done."""

    def __init__(
        self, base_url: str, key: str | None, seconds: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url, self._seconds = f"{base_url.rstrip('/')}/chat/completions", seconds
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=seconds, transport=transport)

    def complete(self, body: Mapping[str, Any]) -> Completion:
        """Ask. Raises EndpointError; an endpoint that trickles is given up at the deadline too."""
        started = time.monotonic()
        try:
            with self._client.stream("POST", self._url, json=dict(body)) as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if time.monotonic() - started > self._seconds or len(content) > MOST_BYTES:
                        raise EndpointError("the answer took too long, or was too large")
                if response.status_code != httpx.codes.OK:
                    raise EndpointError(f"the endpoint answered {response.status_code}")
            return _completion(orjson.loads(content), time.monotonic() - started)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise EndpointError(f"the endpoint failed ({type(error).__name__})") from error

    def close(self) -> None:
        self._client.close()


def _completion(answer: Any, seconds: float) -> Completion:
    try:
        text = answer["choices"][0]["message"]["content"]
        usage = read_usage(answer["usage"])
    except (KeyError, IndexError, TypeError, InputError) as error:
        raise EndpointError(f"not a chat completion ({type(error).__name__})") from error
    if not isinstance(text, str):
        raise EndpointError("the answer holds no text")
    return Completion(text, usage, seconds)
