"""What PostgreSQL says is kept beside its data, and the words of this start alone explain its failure."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from marketplace.adapters.embedded.refusals import DidNotStart, NoRoom

BYTES_MAX = 5_000_000


@dataclass(frozen=True, kw_only=True)
class ServerLog:
    path: Path
    file: IO[bytes]
    began_at: int

    def tail(self) -> str:
        with self.path.open("rb") as written:
            written.seek(self.began_at)
            return "\n".join(written.read().decode("utf-8", "replace").splitlines()[-8:])

    def explain(self, *, place: Path, needed_mb: int) -> NoRoom | DidNotStart:
        tail = self.tail()
        if os.strerror(errno.ENOSPC) in tail:
            return NoRoom(place=place, needed_mb=needed_mb)
        return DidNotStart(log=self.path, tail=tail)


@contextlib.contextmanager
def opened(data: Path) -> Iterator[ServerLog]:
    path = data / "postgres.log"
    if path.exists() and path.stat().st_size > BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        path.chmod(0o600)
        yield ServerLog(path=path, file=file, began_at=path.stat().st_size)
