"""
What Stitch is asked in GraphQL about consents, and what of its answers we read.

By https://docs.stitch.money/api: CreatePaymentConsentRequestInput, AmendPaymentConsentInput,
PaymentConsentRequest, PaymentConsentStatus, DebicheckPaymentConsentDetails, AmendmentDetails,
CardFilterInput. Assumed: a client's consents are found by their nonce below `client`, as its disbursements
are, and a card says of itself what it can be filtered by.
"""

import msgspec

_FIELDS = """
    id nonce url statusReason
    status {
      __typename
      ... on PaymentConsentGranted { isPendingRevocation }
      ... on PaymentConsentFailed { details { __typename } }
    }
    consentDetails {
      __typename
      ... on DebicheckPaymentConsentDetails { status bankReasonCode }
      ... on CardPaymentConsentDetails { card { network last4 expiryYear expiryMonth } }
    }
    amendmentDetails { status reason expectedAction }
"""
CREATE = f"""
mutation Create($input: CreatePaymentConsentRequestInput!) {{
  paymentConsentRequestCreate(input: $input) {{ {_FIELDS} }}
}}
"""
AMEND = f"""
mutation Amend($input: AmendPaymentConsentInput!) {{
  paymentConsentRequestAmend(input: $input) {{ {_FIELDS} }}
}}
"""
# Before the payer has agreed it is cancelled, after that it is revoked.
CANCEL = f"""
mutation Cancel($consentRequestId: ID!, $reason: String!) {{
  paymentConsentRequestCancel(consentRequestId: $consentRequestId, reason: $reason) {{ {_FIELDS} }}
}}
"""
REVOKE = f"""
mutation Revoke($consentRequestId: ID!, $reason: String!) {{
  paymentConsentRequestRevoke(consentRequestId: $consentRequestId, reason: $reason) {{ {_FIELDS} }}
}}
"""
BY_ID = f"""
query Consent($id: ID!) {{
  node(id: $id) {{ ... on PaymentConsentRequest {{ {_FIELDS} }} }}
}}
"""
BY_NONCE = f"""
query Consents($nonce: String!) {{
  client {{
    paymentConsentRequests(filter: {{ nonce: {{ eq: $nonce }} }}) {{ edges {{ node {{ {_FIELDS} }} }} }}
  }}
}}
"""


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = msgspec.field(name="__typename")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = msgspec.field(name="__typename")
    pending_revocation: bool | None = msgspec.field(default=None, name="isPendingRevocation")
    details: _Named | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    network: str | None = None
    last4: str | None = None
    expiry_year: int | None = None
    expiry_month: int | None = None


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Of a mandate, or of a card."""

    status: str | None = None
    bank_reason: str | None = msgspec.field(default=None, name="bankReasonCode")
    card: Card | None = None


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is what we gave for it, and says which of ours it is."""

    status: str
    reason: str
    expected_action: str | None = msgspec.field(default=None, name="expectedAction")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    nonce: str
    url: str
    status: Status
    status_reason: str | None = msgspec.field(default=None, name="statusReason")
    details: Details | None = msgspec.field(default=None, name="consentDetails")
    amendment: Amendment | None = msgspec.field(default=None, name="amendmentDetails")


class Created(msgspec.Struct, frozen=True):
    consent: Consent = msgspec.field(name="paymentConsentRequestCreate")


class Amended(msgspec.Struct, frozen=True):
    consent: Consent = msgspec.field(name="paymentConsentRequestAmend")


class Cancelled(msgspec.Struct, frozen=True):
    consent: Consent = msgspec.field(name="paymentConsentRequestCancel")


class Revoked(msgspec.Struct, frozen=True):
    consent: Consent = msgspec.field(name="paymentConsentRequestRevoke")


class FoundById(msgspec.Struct, frozen=True):
    node: Consent | None = None


class _Edge(msgspec.Struct, frozen=True):
    node: Consent


class _Edges(msgspec.Struct, frozen=True):
    edges: tuple[_Edge, ...] = ()


class _Consents(msgspec.Struct, frozen=True):
    found: _Edges = msgspec.field(name="paymentConsentRequests")


class FoundByNonce(msgspec.Struct, frozen=True):
    client: _Consents
