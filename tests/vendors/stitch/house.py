"""Stitch's files on loopback: a real SFTP server, and a house that reads what lies in it and answers."""

import csv
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncssh
from tests.vendors.stitch.server import CLIENT_ID

from marketplace.adapters.stitch.sftp import Host

_REPLY = {
    "DEBICHECK": ("CONSENT_ID", "CONTRACT_REFERENCE"),
    "DEBIT ORDER": ("EXTERNAL_BATCH_REFERENCE", "EXTERNAL_COLLECTION_REFERENCE", "CONTRACT_REFERENCE"),
}
_OUTPUT = (
    "EXTERNAL_BATCH_REFERENCE",
    "EXTERNAL_COLLECTION_REFERENCE",
    "CONTRACT_REFERENCE",
    "COLLECTION_ID",
    "COLLECTION_DATE",
    "VALUE",
    "COLLECTION_STATUS",
    "COLLECTION_REASON",
    "BANK_CODE",
    "BANK_CODE_DESCRIPTION",
    "SETTLEMENT_STATUS",
    "SETTLEMENT_REFERENCE",
)

Record = dict[str, str]


@dataclass
class House:
    """`failing` and `moving` are what becomes of lines, by reference; `debits` what was taken of them."""

    root: Path
    host: Host
    failing: dict[str, str] = field(default_factory=dict)
    moving: dict[str, str] = field(default_factory=dict)
    refusing_files: str | None = None
    debits: dict[str, Record] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    _written: int = 0

    def incoming(self) -> list[str]:
        return sorted(path.name for path in (self.root / "Incoming").iterdir())

    def outgoing(self) -> list[str]:
        return sorted(path.name for path in (self.root / "Outgoing").iterdir())

    def archived(self) -> list[str]:
        return sorted(path.name for path in (self.root / "Archive").iterdir())

    def take(self) -> list[str]:
        """Read what lies there, answer each file, put it away; the REPLYs' names."""
        found = [path for path in sorted((self.root / "Outgoing").iterdir()) if path.suffix == ".csv"]
        replies = [self._reply_to(path) for path in found]
        for path in found:
            path.rename(self.root / "Archive" / path.name)
        return replies

    def put(self, name: str, text: str) -> str:
        (self.root / "Incoming" / name).write_text(text, "utf-8")
        return name

    def output(self, standings: Iterable[tuple[str, str, str]]) -> str:
        """Of (reference, status, reason)."""
        records = []
        for reference, status, reason in standings:
            debit = self.debits[reference]
            told = {**debit, "COLLECTION_ID": f"id-{reference[:8]}", "COLLECTION_STATUS": status}
            records.append(told | {"COLLECTION_REASON": reason})
        self._written += 1
        return self.put(f"{self._written:03d}_OUTPUT.csv", _text("DEBICHECK", "OUTPUT", _OUTPUT, records))

    def _reply_to(self, path: Path) -> str:
        records = _records(path.read_text("utf-8"))
        product, header, *debits, trailer = records
        assert (product["PRODUCT"], product["FILE_TYPE"]) == ("COLLECTIONS", "COLLECTION")
        channel, batch = product["CHANNEL"], header["EXTERNAL_BATCH_REFERENCE"]
        titles = ("LINE", *_REPLY[channel], "STATUS", "STATUS_CODE", "STATUS_REASON", "ACTION_DATE")
        self._written += 1
        name = f"{self._written:03d}_REPLY.csv"
        if self.refusing_files:
            failed = {"STATUS": "FAILED", "STATUS_CODE": "SCHEMA_VALIDATION_ERROR"}
            refused = {"record": "P", "LINE": "2", "STATUS_REASON": self.refusing_files, **failed}
            return self.put(name, _text(channel, "REPLY", titles, [refused]))
        assert trailer["TOTAL_RECORDS"] == str(len(debits))
        assert Decimal(trailer["TOTAL_VALUE"]) == sum(Decimal(debit["VALUE"]) for debit in debits)
        told = [self._checked(debit | {"EXTERNAL_BATCH_REFERENCE": batch}) for debit in debits]
        return self.put(name, _text(channel, "REPLY", titles, told))

    def _checked(self, debit: Record) -> Record:
        reference = debit["EXTERNAL_COLLECTION_REFERENCE"]
        self.nonces[debit["NONCE"]] = self.nonces.get(debit["NONCE"], 0) + 1
        reason = self.failing.get(reference)
        if self.nonces[debit["NONCE"]] > 1:
            reason = "DUPLICATE_COLLECTION_NONCE"
        if reason is not None:
            failed = {"STATUS": "FAILED", "STATUS_CODE": "DATA_VALIDATION_ERROR", "STATUS_REASON": reason}
            return debit | failed
        self.debits[reference] = debit
        if reference in self.moving:
            moved = {"STATUS_REASON": "NON_PROCESSING_DAY_SUNDAY", "ACTION_DATE": self.moving[reference]}
            return debit | moved | {"STATUS": "SUCCESS"}
        return debit | {"STATUS": "SUCCESS"}


def _records(text: str) -> list[Record]:
    """Read without a line of the code that is tested."""
    found: list[Record] = []
    titles: list[str] = []
    for line, cells in enumerate(csv.reader(text.splitlines()), start=1):
        if cells[0] == "RECORD_TYPE":
            titles = cells[1:]
        else:
            found.append(dict(zip(titles, cells[1:], strict=True), record=cells[0], LINE=str(line)))
    return found


def _text(channel: str, kind: str, titles: Iterable[str], records: list[Record]) -> str:
    named = list(titles)
    lines = [
        "RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE",
        f"P,{CLIENT_ID},COLLECTIONS,{channel},{kind}",
        ",".join(["RECORD_TYPE", *named]),
        *(",".join([one["record"], *(one.get(name, "") for name in named)]) for one in records),
        "RECORD_TYPE,TOTAL_RECORDS",
        f"T,{len(records)}",
    ]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def playing_house(root: Path) -> AsyncIterator[House]:
    for name in ("Incoming", "Outgoing", "Archive"):
        (root / name).mkdir()
    host_key, ours = (
        asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ssh-ed25519"),
    )

    class Folders(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(root).encode())

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(ours.export_public_key().decode()),
        sftp_factory=Folders,
    )
    host = Host(
        name="127.0.0.1",
        port=server.get_port(),
        user="played",
        key=ours.export_private_key().decode(),
        host_key=host_key.export_public_key().decode(),
    )
    try:
        yield House(root, host)
    finally:
        server.close()
        await server.wait_closed()
