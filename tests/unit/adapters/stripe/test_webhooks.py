import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.vendors.stripe import contract
from tests.vendors.stripe.post import body_of, signed, untold

from marketplace.adapters.stripe.rail import StripeRail
from marketplace.adapters.stripe.webhooks import EVENTS
from marketplace.core.shared.errors import Invalid, NotAllowed
from marketplace.ports.payments import Hint


def heard(scene: Any, body: bytes, **signing: Any) -> tuple[Hint, ...]:
    headers = signed(body, **({"at": scene.now} | signing))
    hints: tuple[Hint, ...] = scene.rail.verify_and_parse(headers=headers, body=body, now=scene.now)
    return hints


async def told(scene: Any) -> bytes:
    await scene.take()
    return body_of(untold(scene.stripe)[0])


class TestASignature:
    async def test_counts_while_the_secret_is_rolled(self, scene: Any) -> None:
        body, before = await told(scene), "whsec_the_one_before_0123"
        rail = StripeRail(account=scene.rail.account, secrets=("whsec_the_new_one_01234", before))

        headers = signed(body, secret=before, at=scene.now)

        assert rail.verify_and_parse(headers=headers, body=body, now=scene.now)

    @pytest.mark.parametrize("minutes", [-6, 1, 60])
    async def test_counts_only_about_now(self, scene: Any, minutes: int) -> None:
        """The library would take one from the future."""
        body = await told(scene)

        with pytest.raises(NotAllowed):
            heard(scene, body, at=scene.now + timedelta(minutes=minutes))

    async def test_of_another_secret_or_body_does_not_count(self, scene: Any) -> None:
        body = await told(scene)
        headers = signed(body, at=scene.now)

        with pytest.raises(NotAllowed):
            heard(scene, body, secret="whsec_somebody_elses_0123")
        with pytest.raises(NotAllowed):
            scene.rail.verify_and_parse(headers=headers, body=body + b" ", now=scene.now)

    def test_needs_a_secret(self, scene: Any) -> None:
        with pytest.raises(Invalid):
            StripeRail(account=scene.rail.account, secrets=())


class TestAnEvent:
    async def test_says_of_what_and_whose_it_is(self, scene: Any) -> None:
        charge = await scene.take()
        (event,) = untold(scene.stripe)

        (hint,) = heard(scene, body_of(event))

        assert hint == Hint(
            event_id=event["id"],
            tenant_id=scene.tenant_id,
            reference=charge.reference,
            subject="charge",
        )

    async def test_of_a_refund_and_a_transfer_says_so(self, scene: Any) -> None:
        charge, refund, transfer = await scene.take(), uuid4(), scene.transfer()
        untold(scene.stripe)
        await scene.rail.refund(charge.reference, refund=refund, amount=charge.amount)
        await scene.rail.release(transfer)

        hints = [heard(scene, body_of(event))[0] for event in untold(scene.stripe)]

        assert [(hint.subject, hint.reference) for hint in hints] == [
            ("refund", refund),
            ("transfer", transfer.reference),
        ]

    async def test_of_a_dispute_is_traced_to_its_payment(self, scene: Any) -> None:
        charge = await scene.take("pm_card_createDispute")
        untold(scene.stripe)
        scene.forward(minutes=2)
        await scene.rail.find(charge.reference)
        body = body_of(untold(scene.stripe)[0])

        assert heard(scene, body) == ()
        (hint,) = await scene.rail.trace(body)
        assert (hint.reference, hint.tenant_id) == (charge.reference, scene.tenant_id)

    async def test_of_a_setup_says_whose_method_it_is(self, scene: Any) -> None:
        saved = [await scene.keep(source) for source in ("pm_card_visa", "pm_card_authenticationRequired")]
        begun = scene.setup(None)
        await scene.rail.begin_setup(begun)
        await scene.rail.revoke_setup(begun.reference)

        hints = [heard(scene, body_of(event))[0] for event in untold(scene.stripe)]

        first, second = (wanted.reference for wanted, _ in saved)
        assert [hint.reference for hint in hints] == [first, second, second, begun.reference]
        assert {(hint.subject, hint.tenant_id) for hint in hints} == {("method", scene.tenant_id)}

    @pytest.mark.parametrize("news", ["detached", "automatically_updated"])
    async def test_of_a_card_is_traced_to_all_that_saved_it(self, scene: Any, news: str) -> None:
        """Whatever its own metadata says: that comes from the app."""
        wanted, token = await scene.keep()
        key, wallet = token.partition("/")[2], scene.stripe.books.wallet
        again = scene.setup(key, customer_id=wanted.customer_id)
        await scene.rail.begin_setup(again)
        scene.stripe.books.objects[key]["metadata"] = {
            "marketplace_reference": str(uuid4()),
            "marketplace_tenant": str(uuid4()),
            "marketplace_subject": "method",
        }
        untold(scene.stripe)
        wallet.detach(key) if news == "detached" else wallet.renew(key, exp_year=2035)
        (event,) = untold(scene.stripe)
        body = body_of(event)

        hints = await scene.rail.trace(body)

        assert event["type"] == f"payment_method.{news}"
        assert heard(scene, body) == ()
        assert {(hint.reference, hint.subject) for hint in hints} == {
            (wanted.reference, "method"),
            (again.reference, "method"),
        }
        assert len({hint.event_id for hint in hints}) == 2
        assert hints == await scene.rail.trace(body)

    async def test_of_a_card_that_is_not_ours_says_nothing(self, scene: Any) -> None:
        event = {"id": "evt_x", "type": "payment_method.detached", "livemode": False}
        body = json.dumps(event | {"data": {"object": {"id": "pm_of_another"}}}).encode()

        assert await scene.rail.trace(body) == ()

    @pytest.mark.parametrize(
        "change",
        [
            {"livemode": True},
            {"type": "customer.created"},
            {"data": {"object": {"metadata": {"marketplace_reference": "6735"}}}},
            {"data": {"object": {"metadata": None}}},
            {"data": {"object": {}}},
        ],
        ids=str,
    )
    async def test_that_is_not_for_us_says_nothing(self, scene: Any, change: dict[str, Any]) -> None:
        event = json.loads(await told(scene)) | change

        assert heard(scene, json.dumps(event).encode()) == ()
        assert await scene.rail.trace(json.dumps(event).encode()) == ()

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":1}', b"\xff"])
    def test_that_is_none_is_refused(self, scene: Any, body: bytes) -> None:
        with pytest.raises(Invalid):
            heard(scene, body)

    def test_that_we_ask_for_is_named_where_an_endpoint_is_set_up(self) -> None:
        page = (Path(__file__).parents[4] / "docs" / "stripe.md").read_text(encoding="utf-8")
        table = page.partition("| of | events |")[2].partition("\n\n")[0]

        told = [re.findall(r"`([\w.]+)`", part) for part in re.split(r"[;\n]", table)]

        assert {kind + name for kind, *names in filter(None, told) for name in names} == set(EVENTS)

    def test_that_we_ask_for_exists(self) -> None:
        path = contract.folder() / "event-types-16.1.0.json"
        if not path.exists():
            pytest.skip(f"Stripe's list of events is not at {path}")

        known = path.read_text(encoding="utf-8")

        assert not [name for name in EVENTS if f'"{name}"' not in known]
