"""What a row answers is sent as it stands: head and body, and nothing between them and the server."""

from dataclasses import dataclass

from litestar.types import Send

JSON = b"application/json"
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A body is JSON, and without one there is no content type."""

    body: bytes
    status: int = 200
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        headers = [*self.headers]
        if self.body:
            headers += ((b"content-type", JSON), (b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
