"""What a row answers is sent as it stands: head and body, and nothing between them and the server."""

from dataclasses import dataclass

from litestar.types import Send

JSON = b"application/json"
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class File:
    """What is to be kept under a name rather than read by a program."""

    body: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A body is JSON unless `media` says otherwise, and without one there is no content type."""

    body: bytes
    status: int = 200
    headers: Headers = ()
    media: bytes = JSON

    async def send(self, send: Send) -> None:
        headers = [*self.headers]
        if self.body:
            headers += ((b"content-type", self.media), (b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
