"""A provider opens an account to be paid into; what its rail reports of it decides whether it is paid."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from marketplace.core.payments.payment import looked
from marketplace.core.payouts.account import GONE, UNDER_WAY, OpeningUnderWay, PayoutAccount, State
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.queries import AccountsOf, ApprovedOf
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.usecases import own
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.limits import NewId, Reason, VendorToken
from marketplace.core.shared.payees import BankAccount, Country, PayeeKind
from marketplace.core.shared.roles import CLOCK as THE_CLOCK
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.paying import PayeeReport, PayeeStanding
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayoutAccount:
    """
    Open an account to be paid into. The one before stays in use until this one can receive.

    A hosted one is opened on the rail's own pages: ask for a link. Any other needs your bank details.
    """

    provider_id: UUID
    payout_account_id: NewId
    kind: PayeeKind
    country: Country | None = None
    source: VendorToken | None = None
    bank_account: BankAccount | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePayoutAccount:
    """Have nothing paid into an account any more. What you earn waits until there is another one."""

    payout_account_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpPayoutAccount:
    """Ask the rail again whether an account can receive; one that was given up long ago lapses."""

    payout_account_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayoutAccount:
    """Bring an account to what its rail reports."""

    report: PayeeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SendWaiting:
    """Let the payouts go that waited until their provider could be paid."""

    payout_account_id: UUID


async def open_payout_account(command: OpenPayoutAccount, *, call: Call, work: Work) -> PayoutAccount:
    """Raises OpeningUnderWay, NotFound for another's provider."""
    provider = own(await work.get(Provider, command.provider_id), call)
    for one in await work.ask(AccountsOf(provider_id=provider.id)):
        if one.state in UNDER_WAY and one.id != command.payout_account_id:
            raise OpeningUnderWay(
                f"an account of {provider.name} is {one.state}: go on with it, or close it",
                payout_account_id=str(one.id),
            )
    account = PayoutAccount(
        id=command.payout_account_id,
        tenant_id=call.tenant_id,
        provider_id=provider.id,
        kind=command.kind,
        rail=call.policy.payment.paying_rail,
        opened_at=call.at,
        country=command.country or call.policy.country,
        source=command.source,
        bank_account=command.bank_account,
    )
    return work.add(create(account, call))


def sees(account: PayoutAccount, call: Call) -> bool:
    return call.actor.role != Role.PROVIDER or account.provider_id == call.actor.provider_id


async def close_payout_account(command: ClosePayoutAccount, *, call: Call, work: Work) -> PayoutAccount:
    """Raises NotFound, also for another provider's."""
    account = await work.find(PayoutAccount, command.payout_account_id)
    if account is None or not sees(account, call):
        raise NotFound("payout account", command.payout_account_id)
    closed = work.save(move(account, "close", call, required=(), bank_account=None, source=None))
    if account.receives:
        await _withhold(account, call, work)
    return closed


async def look_up_payout_account(command: LookUpPayoutAccount, *, call: Call, work: Work) -> PayoutAccount:
    account = await work.get(PayoutAccount, command.payout_account_id)
    if call.actor.role == Role.CLOCK:
        if not is_due(account, call):
            return account
        if account.is_abandoned(call.at):
            return work.save(move(account, "lapse", call, required=(), bank_account=None, source=None))
    return work.save(move(account, "look_up", call, lookups=looked(account, call)))


async def record_payout_account(command: RecordPayoutAccount, *, call: Call, work: Work) -> PayoutAccount:
    """A report that says nothing new changes nothing; who can be paid is settled in the same write."""
    report = command.report
    account = await work.get(PayoutAccount, report.reference)
    step = step_to(account, report)
    if step is None:
        return account
    told = _told(account, report)
    moved = work.save(move(account, step, call, bank_account=None, source=None, lookups=0, **told))
    if moved.receives and (moved.token != account.token or not account.receives):
        await _pay_into(moved, call, work)
    elif account.receives and not moved.receives:
        await _withhold(account, call, work)
    return moved


async def _pay_into(account: PayoutAccount, call: Call, work: Work) -> None:
    """From now on this one is paid into, and those before it are not."""
    provider = await work.get(Provider, account.provider_id)
    work.save(move(provider, "pay_into", call, payee=account.token))
    for one in await work.ask(AccountsOf(provider_id=provider.id)):
        if one.state not in UNDER_WAY and one.id != account.id:
            work.save(move(one, "replace", call, required=()))


async def _withhold(account: PayoutAccount, call: Call, work: Work) -> None:
    """What is earned waits; a payee that was named by hand meanwhile stays."""
    provider = await work.get(Provider, account.provider_id)
    if provider.payee == account.token:
        work.save(move(provider, "withhold", replace(call, actor=SYSTEM), payee=None))


_STEPS: dict[PayeeStanding, str] = {
    PayeeStanding.RESTRICTED: "restrict",
    PayeeStanding.REJECTED: "reject",
    PayeeStanding.CLOSED: "end",
}


def step_to(account: PayoutAccount, report: PayeeReport) -> str | None:
    """The move by which this report is news; None where it is none."""
    if account.state in GONE:
        return None
    step = _STEPS.get(report.standing) or _step(account, report.standing)
    if (account.state, step) in account.LIFECYCLE.table:
        return step
    before = {name: getattr(account, name) for name in _TOLD}
    return "refresh" if _told(account, report) != before else None


def _step(account: PayoutAccount, standing: PayeeStanding) -> str:
    """What stood once and cannot receive is restricted, whatever it waits for."""
    if standing is PayeeStanding.ACTIVE:
        return "reinstate" if account.state == State.RESTRICTED else "activate"
    if account.state == State.ACTIVE:
        return "restrict"
    return "ask" if standing is PayeeStanding.NEEDS_ACTION else "submit"


_TOLD = ("rail_reference", "token", "label", "required", "failure")


def _told(account: PayoutAccount, report: PayeeReport) -> dict[str, Any]:
    return {
        "rail_reference": report.rail_reference or account.rail_reference,
        "token": report.token or account.token,
        "label": report.label or account.label,
        "required": report.required,
        "failure": report.failure,
    }


async def send_waiting(command: SendWaiting, *, call: Call, work: Work) -> tuple[Payout, ...]:
    account = await work.get(PayoutAccount, command.payout_account_id)
    if not account.receives:
        return ()
    waiting = await work.ask(ApprovedOf(provider_id=account.provider_id))
    clock = replace(call, actor=THE_CLOCK)
    return tuple(work.save(move(payout, "look_up", clock, lookups=0)) for payout in waiting)
