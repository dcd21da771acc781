"""
What Stitch is asked in GraphQL, and what of its answers we read.

By https://docs.stitch.money/api: ClientDisbursementCreateInput, DisbursementFilterInput, DisbursementStatus,
PaymentTransactionsFilterInput and TransactionState. Assumed: a client's transactions are found below `client`
as its disbursements are, and amounts are told as decimals in text.
"""

import msgspec

INITIATE = """
mutation Initiate($input: InitiateTransactionInput!) {
  initiateTransaction(input: $input) {
    transaction { id nonce interactionUrl state { __typename ... on TransactionFailure { reason } } }
  }
}
"""
TRANSACTIONS = """
query Transactions($nonce: String!) {
  client {
    paymentTransactions(filter: { nonce: { eq: $nonce } }) {
      edges {
        node { id nonce interactionUrl state { __typename ... on TransactionFailure { reason } } }
      }
    }
  }
}
"""
DISBURSE = """
mutation Disburse($input: ClientDisbursementCreateInput!) {
  clientDisbursementCreate(input: $input) { disbursement { id nonce status { __typename } } }
}
"""
DISBURSEMENTS = """
query Disbursements($nonce: String!) {
  client {
    disbursements(filter: { nonce: { eq: $nonce } }) { edges { node { id nonce status { __typename } } } }
  }
}
"""
# The least that a client may ask: that its token is taken.
SELF = "query Self { client { clientId } }"


class State(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = msgspec.field(name="__typename")
    reason: str | None = None


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    nonce: str
    state: State
    interaction_url: str | None = msgspec.field(default=None, name="interactionUrl")


class Disbursement(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    nonce: str
    status: State


class _Made(msgspec.Struct, frozen=True):
    transaction: Transaction


class Initiated(msgspec.Struct, frozen=True):
    made: _Made = msgspec.field(name="initiateTransaction")


class _Paid(msgspec.Struct, frozen=True):
    disbursement: Disbursement


class Disbursed(msgspec.Struct, frozen=True):
    made: _Paid = msgspec.field(name="clientDisbursementCreate")


class _TransactionEdge(msgspec.Struct, frozen=True):
    node: Transaction


class _TransactionEdges(msgspec.Struct, frozen=True):
    edges: tuple[_TransactionEdge, ...] = ()


class _Transactions(msgspec.Struct, frozen=True):
    found: _TransactionEdges = msgspec.field(name="paymentTransactions")


class FoundTransactions(msgspec.Struct, frozen=True):
    client: _Transactions


class _DisbursementEdge(msgspec.Struct, frozen=True):
    node: Disbursement


class _DisbursementEdges(msgspec.Struct, frozen=True):
    edges: tuple[_DisbursementEdge, ...] = ()


class _Disbursements(msgspec.Struct, frozen=True):
    found: _DisbursementEdges = msgspec.field(name="disbursements")


class FoundDisbursements(msgspec.Struct, frozen=True):
    client: _Disbursements


class _Self(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str = msgspec.field(name="clientId")


class Self(msgspec.Struct, frozen=True):
    client: _Self
