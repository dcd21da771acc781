"""A load generator cheap enough not to be what is measured: keep-alive connections, bare HTTP/1.1."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Requests = Iterator[bytes]
# Until the first of a paced load is due.
LEAD_SECONDS = 0.05


@dataclass
class Outcome:
    """Latencies in seconds of the answers, by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    last_body: bytes = b""

    @property
    def per_s(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def request(method: str, path: str, *, bearer: str, body: bytes = b"", key: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {bearer}"]
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def webhook(path: str, *, headers: Mapping[str, str], body: bytes) -> bytes:
    """As a vendor posts it: signed, and with no bearer."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


async def flat_out(port: int, requests: Requests, *, connections: int, seconds: float) -> Outcome:
    """As fast as the server answers, each connection with one request under way."""
    outcome, until = Outcome(), time.perf_counter() + seconds
    await _work(port, connections, outcome, lambda client: _flat_out(client, requests, outcome, until))
    return outcome


async def paced(port: int, requests: Requests, *, connections: int, seconds: float, per_s: float) -> Outcome:
    """At a fixed rate; the latency counts from when the request was due, so that a stall is not hidden."""
    outcome, begun = Outcome(), time.perf_counter() + LEAD_SECONDS
    turns = iter(range(int(seconds * per_s)))

    async def work(client: "Client") -> None:
        for turn in turns:
            due = begun + turn / per_s
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            await client.ask(next(requests), outcome, due)

    await _work(port, connections, outcome, work)
    return outcome


async def _flat_out(client: "Client", requests: Requests, outcome: Outcome, until: float) -> None:
    while (now := time.perf_counter()) < until:
        await client.ask(next(requests), outcome, now)


async def _work(port: int, connections: int, outcome: Outcome, work: Callable[["Client"], object]) -> None:
    clients = [await Client.connect(port) for _ in range(connections)]
    begun = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))  # type: ignore[call-overload]
    outcome.seconds = time.perf_counter() - begun
    for client in clients:
        client.close()


class Client(asyncio.Protocol):
    """One connection. An answer is there when its head has come, and as many bytes as the head says."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._come = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def connect(cls, port: int) -> "Client":
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    async def ask(self, raw: bytes, outcome: Outcome, since: float) -> None:
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        status, body = await answer
        outcome.latencies.append(time.perf_counter() - since)
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        outcome.last_body = body

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._come += data
        head, end, body = self._come.partition(b"\r\n\r\n")
        if end and self._answer is not None and len(body) >= _length(head):
            self._come = b""
            self._answer.set_result((int(head[9:12]), body))
            self._answer = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    end = lower.find(b"\r", start)
    return int(lower[start:] if end < 0 else lower[start:end])
