"""Load on a served process from one event loop, cheap enough not to be what is measured: keep-alive connections, HTTP
written and read by hand.

Closed: so many clients, each sending again when it was answered. Open: requests come at a rate, whatever becomes of the
ones before.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

MOST_CONNECTIONS = 2_000


@dataclass
class Flooded:
    """What came back in `seconds`. `good`: seconds that each decision took which the policy or the cache made;
    `fallbacks`: safe routes; `statuses`: of everything else, 0 for a connection that broke or was not to be had."""

    seconds: float = 0.0
    good: list[float] = field(default_factory=list)
    fallbacks: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    refused_seconds: list[float] = field(default_factory=list)

    def goodput(self, within: float) -> float:
        """Decisions per second that took no longer than `within` seconds."""
        return sum(one <= within for one in self.good) / self.seconds

    def add(self, status: int, body: bytes, seconds: float) -> None:
        if status == 200 and orjson.loads(body)["fallback"] is None:
            self.good.append(seconds)
        elif status == 200:
            self.fallbacks += 1
        else:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 429:
                self.refused_seconds.append(seconds)


class _Connection(asyncio.Protocol):
    """One request at a time; `answer` is told status, body and seconds."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end or self._waiting is None:
            return
        lowered = head.lower()
        size = int(lowered.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(rest) >= size:
            waiting, self._waiting, self._buffer = self._waiting, None, b""
            if not waiting.done():
                waiting.set_result((int(head[9:12]), rest[:size]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((0, b""))

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self._transport.close()


class _Client:
    """Connections to one service, made when none is free."""

    def __init__(self, url: str, prompts: Iterator[str]) -> None:
        split = urlsplit(url)
        self._host, self._port, self._prompts = split.hostname or "", split.port or 80, prompts
        self._free: list[_Connection] = []
        self._made = 0
        self.found = Flooded()

    async def once(self) -> None:
        started = time.perf_counter()
        connection = await self._connection()
        if connection is None:
            self.found.add(0, b"", 0.0)
            return
        body = orjson.dumps({"prompt": next(self._prompts)})
        head = b"POST /route HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        status, answer = await connection.ask(head % len(body) + body)
        self.found.add(status, answer, time.perf_counter() - started)
        if connection.usable:
            self._free.append(connection)
        else:
            self._made -= 1

    async def _connection(self) -> _Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
            self._made -= 1
        if self._made >= MOST_CONNECTIONS:
            return None
        self._made += 1
        try:
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(_Connection, self._host, self._port))[1]
        except OSError:
            self._made -= 1
            return None

    def close(self) -> None:
        for connection in self._free:
            connection.close()


def closed_loop(url: str, prompts: Iterator[str], clients: int, seconds: float) -> Flooded:
    """`clients` at once, each asking again as soon as it was answered."""

    async def run() -> Flooded:
        client, started = _Client(url, prompts), time.perf_counter()

        async def one() -> None:
            while time.perf_counter() - started < seconds:
                await client.once()

        await asyncio.gather(*(one() for _ in range(clients)))
        client.found.seconds = time.perf_counter() - started
        client.close()
        return client.found

    return asyncio.run(run())


def open_loop(url: str, prompts: Iterator[str], per_second: float, seconds: float) -> Flooded:
    """Requests at a steady rate, until `seconds` are over; what is still out then is waited for but not counted in the
    time."""

    async def run() -> Flooded:
        client, started, running = _Client(url, prompts), time.perf_counter(), set[asyncio.Task[None]]()
        sent = 0
        while (elapsed := time.perf_counter() - started) < seconds:
            due = int(elapsed * per_second)
            for _ in range(due - sent):
                task = asyncio.create_task(client.once())
                running.add(task)
                task.add_done_callback(running.discard)
            sent = max(sent, due)
            await asyncio.sleep(0.002)
        client.found.seconds = time.perf_counter() - started
        if running:
            await asyncio.wait(running, timeout=30)
        client.close()
        return client.found

    return asyncio.run(run())


def timed_loop(url: str, prompts: Iterator[str], moments: Sequence[float]) -> Flooded:
    """A request at each of these moments, in seconds from the start, whatever became of those before; waits for all."""

    async def run() -> Flooded:
        client, started, running = _Client(url, prompts), time.perf_counter(), set[asyncio.Task[None]]()
        for moment in moments:
            await asyncio.sleep(max(0.0, moment - (time.perf_counter() - started)))
            task = asyncio.create_task(client.once())
            running.add(task)
            task.add_done_callback(running.discard)
        client.found.seconds = time.perf_counter() - started
        if running:
            await asyncio.wait(running, timeout=60)
        client.close()
        return client.found

    return asyncio.run(run())
