"""A request that comes again under its key gets the answer that it had, and nobody else's."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from litestar import Request

from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.receipts import Receipt, receipt_id
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.answer import Answer
from marketplace.entrypoints.http.heads import header
from marketplace.entrypoints.http.problems import KeyReused
from marketplace.ports.storage import Batch, One, Store

KEY_MAX = 200
KEY_HEADER = b"idempotency-key"
REPLAYED_HEADER = b"idempotent-replayed"


class Memory(StrEnum):
    """How an answer under an idempotency key comes to be given again."""

    WRITTEN = "written with what the command writes"
    AFTERWARDS = "written when what follows the command is done too"
    MADE_AGAIN = "made again from the key: the answer holds a secret, which must not be stored"
    NONE = "the question may be asked again"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under an idempotency key: `question` is the digest of what is asked."""

    id: UUID
    key: str
    question: str

    @classmethod
    async def of(
        cls, request: Request[Any, Any, Any], call: Call, principal: UUID | None = None
    ) -> "Asked | None":
        """None without a key; `principal` stands for a caller who is nobody yet."""
        key = header(request.scope, KEY_HEADER)
        if key is None:
            return None
        if not 1 <= len(key) <= KEY_MAX:
            raise Invalid("Idempotency-Key", "has a wrong length", f"1 to {KEY_MAX} characters")
        digest = sha256(f"{request.method} {request.scope['path']}\n".encode() + await request.body())
        who = call.actor.user_id or principal
        return cls(receipt_id(call.tenant_id, who, key), key, digest.hexdigest())

    def entropy(self, secret: bytes) -> bytes:
        """The same for the same request, and known to nobody who does not know the secret."""
        return keyed(secret, "idempotency", self.id, self.key, self.question)

    def receipt(self, call: Call, status: int, body: bytes) -> Receipt:
        return Receipt(
            id=self.id,
            tenant_id=call.tenant_id,
            question=self.question,
            status=status,
            answer=body.decode(),
            at=call.at,
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """Those that were given under a key."""

    store: Store

    async def given(self, asked: Asked, call: Call) -> Answer | None:
        """What was answered under this key, if anything was; raises KeyReused for another question."""
        (found,) = await self.store.read(call.tenant_id, [One(Receipt, asked.id)])
        if not found:
            return None
        receipt: Receipt = found[0]
        if receipt.question != asked.question:
            raise KeyReused("this Idempotency-Key stands under another request; use a new key")
        return Answer(receipt.answer.encode(), receipt.status, ((REPLAYED_HEADER, b"true"),))

    async def keep(self, asked: Asked, call: Call, status: int, body: bytes) -> None:
        """Raises AlreadyThere where a twin of this request was faster."""
        await self.store.write(Batch(tenant_id=call.tenant_id, rows=(asked.receipt(call, status, body),)))
