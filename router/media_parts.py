"""What a message carries besides text: how large its pictures are, how long its sounds. Knows no tokens or prices.

Only what a part brings with it is read, never an address: a picture behind a URL has the usual size, a sound without
data the usual length, both stated here.
"""

import base64
import io
import wave
from collections.abc import Mapping
from typing import Any, NamedTuple

from PIL import Image

USUAL_PIXELS, USUAL_SECONDS = 1024, 60.0
# Of a sound whose header is not read (mp3, say): bytes per second of speech at 64 kbit/s.
SPEECH_BYTES_PER_SECOND = 8_000
PICTURES = frozenset({"image_url", "image", "input_image"})
SOUNDS = frozenset({"input_audio", "audio"})
_HEADER_CHARS = 1 << 18  # of base64: the size of a picture stands at its beginning, behind colour profiles at most
MOST_PIXELS, MOST_SECONDS = 100_000, 86_400.0


class Picture(NamedTuple):
    width_pixels: int
    height_pixels: int
    detail: str


class Sound(NamedTuple):
    seconds: float


def read_media(part: Mapping[str, Any]) -> Picture | Sound | None:
    """A typed part of OpenAI's or Anthropic's messages as what it is; None where it is neither picture nor sound."""
    kind = part.get("type")
    if kind in PICTURES:
        inner = _inner(part, "image_url", "source")
        low = "low" in (inner.get("detail"), part.get("detail"))
        return Picture(*_pixels(_data(inner)), "low" if low else "high")
    if kind in SOUNDS:
        inner = _inner(part, "input_audio", "audio", "source")
        return Sound(min(_seconds(_data(inner)), MOST_SECONDS))
    return None


def _inner(part: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The object that holds the data; an address alone (Responses API) stands for one."""
    found = next((part[name] for name in names if name in part), None)
    if isinstance(found, str):
        return {"url": found}
    return found if isinstance(found, Mapping) else {}


def _data(inner: Mapping[str, Any]) -> str | None:
    """The base64 text of a part, or None where it only points somewhere."""
    data, url = inner.get("data"), inner.get("url")
    if isinstance(data, str):
        return data
    if isinstance(url, str) and url.startswith("data:"):
        return url.partition(",")[2]
    return None


def _decoded(data: str) -> bytes:
    """The first bytes; nothing where the text is not base64."""
    try:
        return base64.b64decode(data[:_HEADER_CHARS])
    except ValueError:
        return b""


def _pixels(data: str | None) -> tuple[int, int]:
    if data is None:
        return USUAL_PIXELS, USUAL_PIXELS
    try:
        with Image.open(io.BytesIO(_decoded(data))) as picture:
            width, height = picture.size
    except Exception:  # a picture that we cannot read is the provider's to refuse
        return USUAL_PIXELS, USUAL_PIXELS
    return min(max(width, 1), MOST_PIXELS), min(max(height, 1), MOST_PIXELS)


def _seconds(data: str | None) -> float:
    if data is None:
        return USUAL_SECONDS
    size = len(data) * 3 / 4
    try:
        with wave.open(io.BytesIO(_decoded(data)), "rb") as sound:
            # the header's own length is not to be trusted: streams write it before they know it
            per_second = sound.getframerate() * sound.getnchannels() * sound.getsampwidth()
            return size / max(per_second, 1)
    except (wave.Error, EOFError):
        return size / SPEECH_BYTES_PER_SECOND
