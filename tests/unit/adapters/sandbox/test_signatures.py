from datetime import UTC, datetime, timedelta

import pytest

from marketplace.adapters.sandbox.signatures import HEADER, sign, verify
from marketplace.core.shared.errors import NotAllowed

BODY = b'{"id":"evt_1"}'
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
# Computed with OpenSSL: printf '1793610000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac 'new secret'
DIGEST = "53a68a045407213ce2b33a6a897a4c7064148752e2b531407564a116fb7312af"
SECRETS = ("new secret", "old secret")


def header(value: str) -> dict[str, str]:
    return {HEADER: value}


class TestSign:
    def test_gives_the_signature_that_openssl_gives(self) -> None:
        assert sign(BODY, secret="new secret", at=AT) == header(f"t=1793610000,v1={DIGEST}")


class TestVerify:
    @pytest.mark.parametrize("secret", SECRETS)
    def test_takes_what_either_secret_signed(self, secret: str) -> None:
        verify(headers=sign(BODY, secret=secret, at=AT), body=BODY, secrets=SECRETS, now=AT)

    def test_takes_one_good_signature_among_several(self) -> None:
        headers = header(f"t=1793610000, v0=x, v1={'0' * 64}, v1={DIGEST}")

        verify(headers=headers, body=BODY, secrets=SECRETS, now=AT)

    def test_reads_the_header_whatever_its_case(self) -> None:
        headers = {HEADER.lower(): f"t=1793610000,v1={DIGEST}", "x": "y"}

        verify(headers=headers, body=BODY, secrets=SECRETS, now=AT)

    @pytest.mark.parametrize("seconds", [-30, 0, 300])
    def test_takes_one_of_about_now(self, seconds: int) -> None:
        headers = sign(BODY, secret="new secret", at=AT)

        verify(headers=headers, body=BODY, secrets=SECRETS, now=AT + timedelta(seconds=seconds))

    @pytest.mark.parametrize("seconds", [-31, 301, -86_400, 86_400])
    def test_refuses_an_old_one_and_one_from_the_future(self, seconds: int) -> None:
        headers = sign(BODY, secret="new secret", at=AT)

        with pytest.raises(NotAllowed):
            verify(headers=headers, body=BODY, secrets=SECRETS, now=AT + timedelta(seconds=seconds))

    @pytest.mark.parametrize("body", [b"", b"{}", BODY + b" ", BODY.replace(b"1", b"2")])
    def test_refuses_another_body(self, body: bytes) -> None:
        headers = sign(BODY, secret="new secret", at=AT)

        with pytest.raises(NotAllowed):
            verify(headers=headers, body=body, secrets=SECRETS, now=AT)

    def test_refuses_another_secret(self) -> None:
        headers = sign(BODY, secret="guessed", at=AT)

        with pytest.raises(NotAllowed):
            verify(headers=headers, body=BODY, secrets=SECRETS, now=AT)

    def test_refuses_a_timestamp_that_was_moved(self) -> None:
        headers = header(f"t=1793610001,v1={DIGEST}")

        with pytest.raises(NotAllowed):
            verify(headers=headers, body=BODY, secrets=SECRETS, now=AT)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "t=1793610000",
            f"v1={DIGEST}",
            f"t=,v1={DIGEST}",
            f"t=-1,v1={DIGEST}",
            f"t=1793610000.0,v1={DIGEST}",
            f"t=١٧٩٣٦١٠٠٠٠,v1={DIGEST}",
            f"t={'9' * 400},v1={DIGEST}",
            f"t=1793610000,t=1793610000,v1={DIGEST}",
            "t=1793610000,v1=",
            "t=1793610000,v1=ü",
            f"t=1793610000,v0={DIGEST}",
            "=,=,=",
        ],
    )
    def test_refuses_a_header_that_it_cannot_read(self, value: str) -> None:
        with pytest.raises(NotAllowed):
            verify(headers=header(value), body=BODY, secrets=SECRETS, now=AT)

    def test_refuses_when_there_is_no_header(self) -> None:
        with pytest.raises(NotAllowed):
            verify(headers={}, body=BODY, secrets=SECRETS, now=AT)
