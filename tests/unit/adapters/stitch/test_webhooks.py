import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.adapters.stitch import webhooks
from marketplace.adapters.stitch.signatures import key_of, sign, verify
from marketplace.core.shared.errors import Invalid, NotAllowed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = "whsec_cGxheWVkLXdlYmhvb2stc2VjcmV0"
BEFORE = "whsec_dGhlLW9uZS1iZWZvcmUtaXQtMTIz"
TENANT, REFERENCE = UUID(int=7), UUID(int=9)
OURS = f"marketplace:charge:{TENANT}:{REFERENCE}"


def vector() -> Any:
    beside = Path(__file__).parents[5] / "shared" / "contracts"
    folder = Path(os.environ.get("MARKETPLACE_TEST_CONTRACTS", beside)) / "stitch"
    path = folder / "standard-webhooks-vector.json"
    if not path.exists():
        pytest.skip("the vendor's vector is not at hand")
    return json.loads(path.read_text("utf-8"))


def signed(body: bytes = b"{}", *, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    return sign(body, message_id="msg_1", secret=secret, at=at)


class TestVerify:
    @pytest.mark.parametrize("prefix", ["webhook-", "svix-", "Webhook-"])
    def test_takes_the_vector_of_the_scheme(self, prefix: str) -> None:
        known = vector()
        headers = {f"{prefix}{name}": str(known[name]) for name in ("id", "timestamp", "signature")}
        now = datetime.fromtimestamp(known["timestamp"], UTC)

        found = verify(headers=headers, body=known["body"].encode(), secrets=[known["secret"]], now=now)

        assert found == known["id"]

    def test_takes_either_secret_while_they_are_rotated(self) -> None:
        for secret in (SECRET, BEFORE):
            headers = signed(secret=secret)

            assert verify(headers=headers, body=b"{}", secrets=[SECRET, BEFORE], now=NOW) == "msg_1"

    def test_takes_one_of_several_signatures(self) -> None:
        headers = signed()
        headers["webhook-signature"] = f"v1a,zzz v1,bm9uZQ== {headers['webhook-signature']}"

        assert verify(headers=headers, body=b"{}", secrets=[SECRET], now=NOW) == "msg_1"

    @pytest.mark.parametrize("seconds", [-300, 30])
    def test_takes_what_is_about_now(self, seconds: int) -> None:
        headers = signed(at=NOW + timedelta(seconds=seconds))

        assert verify(headers=headers, body=b"{}", secrets=[SECRET], now=NOW)

    @pytest.mark.parametrize("seconds", [-301, 31])
    def test_refuses_what_is_old_or_of_the_future(self, seconds: int) -> None:
        headers = signed(at=NOW + timedelta(seconds=seconds))

        with pytest.raises(NotAllowed, match="not of now"):
            verify(headers=headers, body=b"{}", secrets=[SECRET], now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            {"webhook-id": "msg_2"},
            {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
            {"webhook-timestamp": "٣"},
            {"webhook-timestamp": "9" * 40},
            {"webhook-signature": ""},
            {"webhook-signature": "v1"},
            {"webhook-signature": "v2,anything"},
            {"webhook-signature": "v1,é\ud800"},
        ],
        ids=str,
    )
    def test_refuses_what_was_changed(self, change: dict[str, str]) -> None:
        with pytest.raises(NotAllowed):
            verify(headers=signed() | change, body=b"{}", secrets=[SECRET], now=NOW)

    def test_refuses_another_body_or_secret(self) -> None:
        for body, secret in ((b"{ }", SECRET), (b"{}", BEFORE)):
            with pytest.raises(NotAllowed, match="does not fit"):
                verify(headers=signed(), body=body, secrets=[secret], now=NOW)

    @given(st.binary(), st.text(min_size=1, max_size=30))
    def test_takes_what_it_has_signed(self, body: bytes, message_id: str) -> None:
        headers = sign(body, message_id=message_id, secret=SECRET, at=NOW)

        assert verify(headers=headers, body=body, secrets=[SECRET], now=NOW) == message_id

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_no base64", ""])
    def test_knows_a_secret_that_is_none(self, secret: str) -> None:
        with pytest.raises(Invalid) as refused:
            key_of(secret)

        assert "no base64" not in str(refused.value)


class TestHints:
    def test_tell_what_the_news_is_of_wherever_it_stands(self) -> None:
        body = {"type": "transaction", "data": {"client": [{"x": {"externalReference": OURS}}]}}

        (hint,) = webhooks.hints(json.dumps(body).encode(), message_id="msg_1")

        assert (hint.event_id, hint.tenant_id, hint.reference, hint.subject) == (
            "msg_1",
            TENANT,
            REFERENCE,
            "charge",
        )

    def test_tell_of_a_saved_method(self) -> None:
        body = {"data": {"externalReference": OURS.replace("charge", "method")}}

        (hint,) = webhooks.hints(json.dumps(body).encode(), message_id="msg_1")

        assert (hint.reference, hint.subject) == (REFERENCE, "method")

    def test_tell_of_one_thing_once(self) -> None:
        body = {"old": {"externalReference": OURS}, "new": {"externalReference": OURS}}

        assert len(webhooks.hints(json.dumps(body).encode(), message_id="msg_1")) == 1

    @pytest.mark.parametrize(
        "reference",
        ["order-12", None, 7, OURS + "0", OURS.replace("charge", "cheque"), OURS.upper(), OURS + "\n"],
    )
    def test_tell_nothing_of_what_is_not_ours(self, reference: object) -> None:
        body = json.dumps({"data": {"externalReference": reference}}).encode()

        assert webhooks.hints(body, message_id="msg_1") == ()

    @pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b"7", b'{"a":' * 100_000])
    def test_refuse_what_is_no_webhook(self, body: bytes) -> None:
        with pytest.raises(Invalid, match="body"):
            webhooks.hints(body, message_id="msg_1")
