"""
Files go to Stitch whole or not at all, and theirs are put away once they are read.

The host's key is pinned: whoever shows another is not Stitch. Assumed: Stitch takes no file from /Outgoing
while its name ends in `.part`, and what it has taken lies in /Archive, if it is kept.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncssh

from marketplace.adapters.stitch.titled import BYTES_MAX
from marketplace.core.shared.errors import Unavailable

_INCOMING, _OUTGOING, _ARCHIVE = "/Incoming", "/Outgoing", "/Archive"
_PART = ".part"
_CONNECT_SECONDS_MAX = 15
_ALIVE_SECONDS = 15
_EXCHANGE_SECONDS_MAX = 3_600


class HostNotTrusted(Unavailable):
    """Another host answers than the one whose key is pinned, or it does not take our key."""

    code = "stitch_host_not_trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`key` is our private key, `host_key` the host's public one: `ssh-ed25519 AAAA…`."""

    name: str
    user: str
    key: str = field(repr=False)
    host_key: str
    port: int = 22


@dataclass(frozen=True, slots=True)
class Folders:
    client: asyncssh.SFTPClient = field(repr=False)

    async def put(self, name: str, body: bytes) -> None:
        """Under its name once it is whole. One that is there by its name, or was taken from there, stays."""
        if await self._arrived(name):
            return
        part = f"{_OUTGOING}/{name}{_PART}"
        async with self.client.open(part, "wb") as file:
            await file.write(body)
        try:
            # Refused where the name is there by now, which `posix_rename` would replace.
            await self.client.rename(part, f"{_OUTGOING}/{name}")
        except asyncssh.SFTPError:
            if not await self._arrived(name):
                raise
            await self.client.remove(part)

    async def incoming(self) -> list[str]:
        found = await self.client.readdir(_INCOMING)
        names = sorted(str(entry.filename) for entry in found)
        return [name for name in names if not name.startswith(".") and not name.endswith(_PART)]

    async def fetch(self, name: str) -> bytes:
        """No more of it than a file of Stitch's may have, and one byte."""
        async with self.client.open(f"{_INCOMING}/{name}", "rb") as file:
            return await file.read(BYTES_MAX + 1)

    async def archive(self, name: str, *, digest: str) -> None:
        """Beside one of the same name, if there is one."""
        target = f"{_ARCHIVE}/{name}"
        if await self.client.exists(target):
            target = f"{_ARCHIVE}/{digest[:16]}_{name}"
        if await self.client.exists(target):
            await self.client.remove(f"{_INCOMING}/{name}")
        else:
            await self.client.rename(f"{_INCOMING}/{name}", target)

    async def _arrived(self, name: str) -> bool:
        return await self.client.exists(f"{_OUTGOING}/{name}") or await self.client.exists(
            f"{_ARCHIVE}/{name}"
        )


@contextlib.asynccontextmanager
async def opened(host: Host) -> AsyncIterator[Folders]:
    """Raises Unavailable for whatever goes wrong on the way: a file that is not there is sent again."""
    try:
        async with (
            asyncio.timeout(_EXCHANGE_SECONDS_MAX),
            await _connected(host) as connection,
            connection.start_sftp_client() as client,
        ):
            yield Folders(client)
    except (asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied, asyncssh.KeyImportError) as error:
        raise HostNotTrusted(
            "Stitch's files cannot be reached safely", reason=type(error).__name__
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise Unavailable("Stitch's files cannot be reached", reason=type(error).__name__) from error


async def _connected(host: Host) -> asyncssh.SSHClientConnection:
    """Nothing of this machine's own keys, hosts and settings counts."""
    return await asyncssh.connect(
        host.name,
        host.port,
        username=host.user,
        client_keys=[asyncssh.import_private_key(host.key)],
        known_hosts=([asyncssh.import_public_key(host.host_key)], [], []),
        agent_path=None,
        config=None,
        preferred_auth="publickey",
        connect_timeout=_CONNECT_SECONDS_MAX,
        login_timeout=_CONNECT_SECONDS_MAX,
        keepalive_interval=_ALIVE_SECONDS,
    )
