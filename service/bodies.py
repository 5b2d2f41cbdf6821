"""Bodies in, JSON out: a request's object read within its limit, every foreseen failure put into a problem document."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from router.access.ring import Caller
from router.errors import AccessError, InputError, SpendingError, StoreError
from service import problems
from service.access import caller_of, refusal


class TooLargeError(Exception):
    """A body over the limit."""


async def answered(
    request: Request, max_bytes: int, answer: Callable[[dict[str, Any]], Any], owned: bool = True
) -> Response:
    """Read a JSON object, answer it, and put every foreseen failure into a problem document.

    `owned`: the object has a `tenant`, which is the caller's own.
    """
    caller = caller_of(request)

    async def read_and_answer() -> Response:
        given = object_of(await _body(request, max_bytes))
        told: Response = await answer(caller.own(given) if owned else given)
        return told

    return await foreseen(read_and_answer(), max_bytes, caller)


def object_of(body: bytes) -> dict[str, Any]:
    """A body's JSON object. Raises JSONDecodeError or InputError."""
    given = orjson.loads(body)
    if not isinstance(given, dict):
        raise InputError("body", given, "not an object", "Send a JSON object.")
    return given


async def foreseen(answer: Awaitable[Response], max_bytes: int, caller: Caller) -> Response:
    """An answer, or the problem document of whatever foreseen went wrong."""
    try:
        return await answer
    except TooLargeError:
        return problems.large_problem(max_bytes)
    except orjson.JSONDecodeError as error:
        # the parser's only way to say that memory ran out, which is not the caller's fault
        short = str(error).startswith("Not enough memory")
        return problems.memory_problem() if short else problems.json_problem(error)
    except MemoryError:
        return problems.memory_problem()
    except InputError as error:
        return problems.input_problem(error)
    except SpendingError as error:
        return problems.spending_problem(error, told_whole=caller.tenant is None)
    except AccessError as error:
        return refusal(error)
    except StoreError as error:
        return problems.store_problem(error)
    except TimeoutError:
        return problems.store_problem(StoreError("the record could not be written in time"))
    except RecursionError:
        return problems.nested_problem()


async def _body(request: Request, limit: int) -> bytes:
    """The body, never reading on past the limit."""
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise TooLargeError
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), status, headers, "application/json")
