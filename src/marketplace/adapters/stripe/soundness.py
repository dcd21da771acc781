"""Whether the account is set up as we need it is asked of Stripe, and moves nothing."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import stripe

from marketplace.adapters.stripe import webhooks
from marketplace.adapters.stripe.account import API_VERSION
from marketplace.adapters.stripe.objects import Balance, Page, WebhookEndpoint
from marketplace.adapters.stripe.refusals import asked
from marketplace.core.shared.errors import MarketplaceError

_ALL = "*"
_ENDPOINTS_MAX = 100  # no account may have more than a few


class Finding(NamedTuple):
    name: str
    ok: bool
    saw: str


async def examine(
    client: stripe.StripeClient, *, live: bool, base_url: str, connects: bool
) -> AsyncIterator[Finding]:
    """
    In the order in which one depends on the other; it ends with the first that Stripe does not answer.

    `connects` is whether there is a secret for the endpoint of connected accounts.
    """
    word = "live" if live else "test"
    try:
        balance = await asked(client.v1.balance.retrieve_async(), Balance)
        yield Finding("stripe key", balance.livemode is live, f"Stripe takes the {word} key")
        endpoints = await asked(
            client.v1.webhook_endpoints.list_async({"limit": _ENDPOINTS_MAX}), Page[WebhookEndpoint]
        )
    except MarketplaceError as error:
        yield Finding("stripe key", ok=False, saw=error.detail)
        return
    url = base_url + webhooks.PATH
    yield _endpoint("stripe webhooks", endpoints.data, url, webhooks.EVENTS)
    if connects:
        yield _endpoint("stripe accounts", endpoints.data, url, webhooks.CONNECT_EVENTS)


def _endpoint(
    name: str, endpoints: tuple[WebhookEndpoint, ...], url: str, events: tuple[str, ...]
) -> Finding:
    """Of those at our address one has to be right: an endpoint is told of the platform, or of accounts."""
    problems = [_problem(one, events) for one in endpoints if one.url == url]
    if not problems:
        return Finding(name, ok=False, saw=f"no endpoint is {url}")
    if None in problems:
        return Finding(name, ok=True, saw=f"{url} of {API_VERSION}")
    return Finding(name, ok=False, saw=problems[0] or "")


def _problem(endpoint: WebhookEndpoint, events: tuple[str, ...]) -> str | None:
    if endpoint.status != "enabled":
        return f"the endpoint is {endpoint.status}"
    if endpoint.api_version != API_VERSION:
        return f"the endpoint is of {endpoint.api_version}; {API_VERSION} is needed"
    missing = sorted(set(events) - set(endpoint.enabled_events))
    if _ALL in endpoint.enabled_events or not missing:
        return None
    return f"the endpoint is not told of {', '.join(missing)}"
