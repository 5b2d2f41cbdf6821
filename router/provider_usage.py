"""A provider's usage object, as it came, in our words. Knows the shapes of OpenAI, Anthropic and Google.

OpenAI and Google count cached tokens inside the input, Anthropic beside it; Google counts thoughts beside the output.
"""

from collections.abc import Callable, Mapping
from typing import Any

from router.errors import InputError

_CURE = "Send the usage object of an OpenAI, Anthropic or Google response, or the token counts themselves."


def read_usage(given: Any) -> dict[str, Any]:
    """The fields of a report that a usage object states. Raises InputError for a shape that nobody here knows."""
    if not isinstance(given, Mapping):
        raise InputError("usage", given, "not an object", _CURE)
    for mark, read in _SHAPES.items():
        if mark in given:
            said = read(given)
            return {name: count for name, count in said.items() if count is not None}
    raise InputError("usage", ", ".join(map(str, given)), "not a known usage object", _CURE)


def _chat(usage: Mapping[str, Any]) -> dict[str, Any]:
    inside, out = _part(usage, "prompt_tokens_details"), _part(usage, "completion_tokens_details")
    return _openai(usage, usage.get("prompt_tokens"), usage.get("completion_tokens", 0), inside, out)


def _responses(usage: Mapping[str, Any]) -> dict[str, Any]:
    """`input_tokens` is OpenAI's word in its newer API and Anthropic's; the details tell them apart."""
    if "cache_creation_input_tokens" in usage or "cache_read_input_tokens" in usage or "cache_creation" in usage:
        return _anthropic(usage)
    inside, out = _part(usage, "input_tokens_details"), _part(usage, "output_tokens_details")
    return _openai(usage, usage["input_tokens"], usage.get("output_tokens"), inside, out)


def _openai(
    usage: Mapping[str, Any], given: Any, made: Any, inside: Mapping[str, Any], out: Mapping[str, Any]
) -> dict[str, Any]:
    tier = usage.get("service_tier")
    return {
        "input_tokens": given,
        "output_tokens": made,
        "cached_input_tokens": inside.get("cached_tokens"),
        "audio_input_tokens": inside.get("audio_tokens"),
        "audio_output_tokens": out.get("audio_tokens"),
        "reasoning_tokens": out.get("reasoning_tokens"),
        "service_tier": tier if tier in ("batch", "flex", "priority") else None,
    }


def _anthropic(usage: Mapping[str, Any]) -> dict[str, Any]:
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    hour = _count(_part(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    return {
        "input_tokens": _count(usage, "input_tokens") + read + written,
        "output_tokens": usage.get("output_tokens"),
        "cached_input_tokens": read,
        "cache_write_tokens": written - hour,
        "cache_write_1h_tokens": hour,
        "web_searches": _part(usage, "server_tool_use").get("web_search_requests"),
        "service_tier": usage.get("service_tier") if usage.get("service_tier") == "batch" else None,
    }


def _google(usage: Mapping[str, Any]) -> dict[str, Any]:
    thoughts, details = _count(usage, "thoughtsTokenCount"), usage.get("promptTokensDetails")
    parts = [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    media = {str(one.get("modality")): one.get("tokenCount") for one in parts}
    return {
        "input_tokens": usage["promptTokenCount"],
        "output_tokens": _count(usage, "candidatesTokenCount") + thoughts,
        "cached_input_tokens": usage.get("cachedContentTokenCount"),
        "reasoning_tokens": thoughts,
        "audio_input_tokens": media.get("AUDIO"),
        "image_input_tokens": media.get("IMAGE"),
    }


def _count(usage: Mapping[str, Any], name: str) -> int:
    count = usage.get(name)
    if count is not None and (type(count) is not int or count < 0):
        raise InputError(f"usage.{name}", count, "not a number of tokens", _CURE)
    return count or 0


def _part(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = usage.get(name)
    return part if isinstance(part, Mapping) else {}


_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "prompt_tokens": _chat,
    "promptTokenCount": _google,
    "input_tokens": _responses,
}
