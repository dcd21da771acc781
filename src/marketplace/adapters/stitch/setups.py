"""
A saved method is a consent that the payer grants at Stitch, or an account that we keep: each is made once.

It stands on the shelf before Stitch hears of it, under a nonce that is taken once, and what became of it is
asked for. What was revoked here stays so: one that comes after all is ended as soon as it is seen.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from marketplace.adapters.stitch import consents, mandates, requests, sources, standings
from marketplace.adapters.stitch.account import Account
from marketplace.adapters.stitch.amounts import check_currency
from marketplace.adapters.stitch.consents import Consent
from marketplace.adapters.stitch.keeping import Keeping, Kept, kept_of
from marketplace.adapters.stitch.payers import Payers, payer_of
from marketplace.adapters.stitch.refusals import Refused
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.mandates import MandateTerms
from marketplace.ports.payments import Setup, SetupReport, SetupStanding

# How long a call that we gave up may still be on its way to Stitch.
_UNDER_WAY = timedelta(minutes=2)
_WAITING = frozenset({SetupStanding.NEEDS_ACTION, SetupStanding.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setups:
    """`debits_accounts` is whether an account is debited without its bank's asking its holder."""

    account: Account
    keeping: Keeping
    payers: Payers
    debits_accounts: bool = False

    def check_source(self, source: str, *, field: str) -> None:
        sources.check_source(source, field=field, accounts=self.debits_accounts)

    async def begin(self, setup: Setup) -> SetupReport:
        if setup.source is not None:
            self.check_source(setup.source, field="source")
        check_currency(setup.currency)
        await self.account.check_mode(setup.tenant_id)
        wanted = kept_of(setup, at=self.account.clock())
        asked = None if wanted.is_account else requests.consent_of(setup, wanted)
        payer = payer_of(setup) if wanted.is_account else None
        async with self.account.alone(setup.reference):
            kept, is_new = await self.keeping.place(wanted)
            if kept.revoked:
                return standings.of_revoked(kept)
            if payer is not None:
                await self.payers.keep(kept.reference, payer, tenant_id=kept.tenant_id)
                return standings.of_account(kept)
            return await self._begun(kept, asked or {}, is_new=is_new)

    async def find(self, reference: UUID) -> SetupReport | None:
        kept = await self.keeping.find(reference)
        if kept is None:
            return None
        if kept.is_account:
            known = await self.payers.find(reference, tenant_id=kept.tenant_id)
            return standings.of_account(kept) if kept.revoked or known else None
        found = None if kept.sent_at is None else await self._sought(kept)
        if found is None:
            return standings.of_revoked(kept) if kept.revoked else None
        return standings.of_consent(await self._named(kept, found), found)

    async def amend(self, reference: UUID, *, amendment: UUID, terms: MandateTerms) -> SetupReport:
        async with self.account.alone(reference):
            kept = await self.keeping.find(reference)
            if kept is None or kept.terms is None or kept.revoked:
                raise Invalid("reference", f"{reference} is no mandate that stands", "an active debit order")
            await self.account.check_mode(kept.tenant_id)
            if kept.is_account:
                return standings.of_account(await self._amending(kept, terms, amendment, terms))
            found = await self._sought(kept)
            if found is not None and standings.amendment_of(found.amendment) == amendment:
                return standings.of_consent(kept, found)
            return await self._amended(kept, found, amendment, terms)

    async def revoke(self, reference: UUID) -> SetupReport:
        async with self.account.alone(reference):
            kept = await self.keeping.revoke(reference)
            if kept.is_account:
                await self.payers.forget(reference)
            if kept.is_account or kept.sent_at is None:
                return standings.of_revoked(kept)
            found = await self._sought(kept)
            if found is not None:
                return standings.of_consent(kept, await self._ended(kept, found))
            if self.account.clock() - kept.sent_at < _UNDER_WAY:
                raise OutcomeUnknown("the method may still be under way to Stitch")
            return standings.of_revoked(kept)

    async def _begun(self, kept: Kept, asked: dict[str, Any], *, is_new: bool) -> SetupReport:
        found = None if is_new else await self._sought(kept)
        if found is None:
            if not is_new:
                now = self.account.clock()
                kept = await self.keeping.amend(kept, lambda standing: replace(standing, sent_at=now))
            found = await self._made(kept, asked)
        kept = await self._named(kept, found)
        # Another process may have revoked it meanwhile, and found nothing to end.
        if kept.revoked:
            found = await self._ended(kept, found)
        return standings.of_consent(kept, found)

    async def _made(self, kept: Kept, asked: dict[str, Any]) -> Consent:
        """A refusal may be of a repeat: then there is one under the nonce."""
        try:
            made = await self.account.do(consents.CREATE, {"input": asked}, consents.Created)
        except Refused as refused:
            found = await self._sought(kept)
            if found is None:
                raise refused.meaning from refused
            return found
        return made.consent

    async def _amended(
        self, kept: Kept, found: Consent | None, amendment: UUID, terms: MandateTerms
    ) -> SetupReport:
        standing = None if found is None else standings.standing_of(kept, found)
        if found is None or standing is not SetupStanding.ACTIVE:
            raise Invalid("reference", f"is a mandate that is {standing or 'unknown'}", "an active one")
        holding = _holding(kept, found)
        asked = requests.amendment_of(found.id, amendment, mandates.changes(holding, terms))
        kept = await self._amending(kept, holding, amendment, terms)
        try:
            made = await self.account.do(consents.AMEND, {"input": asked}, consents.Amended)
        except Refused as refused:
            after = await self._sought(kept)
            if after is None or standings.amendment_of(after.amendment) != amendment:
                raise refused.meaning from refused
            return standings.of_consent(kept, after)
        return standings.of_consent(kept, made.consent)

    async def _amending(
        self, kept: Kept, holding: MandateTerms, amendment: UUID, wanted: MandateTerms
    ) -> Kept:
        return await self.keeping.amend(
            kept,
            lambda standing: replace(standing, terms=holding, amendment=amendment, wanted=wanted),
        )

    async def _ended(self, kept: Kept, found: Consent) -> Consent:
        """A refusal may be of what has just been granted, or is over by now: it is looked at once more."""
        standing = standings.standing_of(kept, found)
        if standing in standings.OVER:
            return found
        asked = {"consentRequestId": found.id, "reason": "removed"}
        try:
            if standing in _WAITING:
                return (await self.account.do(consents.CANCEL, asked, consents.Cancelled)).consent
            return (await self.account.do(consents.REVOKE, asked, consents.Revoked)).consent
        except Refused as refused:
            after = await self._sought(kept)
            if after is None or standings.standing_of(kept, after) == standing:
                raise refused.meaning from refused
            return await self._ended(kept, after)

    async def _named(self, kept: Kept, found: Consent) -> Kept:
        """By its id it is asked for from now on, and its token known again."""
        if kept.consent_id == found.id:
            return kept
        return await self.keeping.amend(kept, lambda standing: replace(standing, consent_id=found.id))

    async def _sought(self, kept: Kept) -> Consent | None:
        if kept.consent_id is not None:
            by_id = {"id": kept.consent_id}
            return (await self.account.ask(consents.BY_ID, by_id, consents.FoundById)).node
        asked = {"nonce": kept.nonce}
        found = await self.account.ask(consents.BY_NONCE, asked, consents.FoundByNonce)
        nodes = [edge.node for edge in found.client.found.edges if edge.node.nonce == kept.nonce]
        return nodes[0] if nodes else None


def _holding(kept: Kept, found: Consent) -> MandateTerms:
    """The terms that an amendment is other than: those of the last one, where it holds."""
    last = found.amendment
    holds = last is not None and last.status == "SUCCESS"
    ours = kept.amendment is not None and standings.amendment_of(last) == kept.amendment
    terms = kept.wanted if holds and ours and kept.wanted is not None else kept.terms
    if terms is None:
        raise Invalid("reference", f"{kept.reference} is a card", "a debit order")
    return terms
