from typing import Any

import pytest
from tests.vendors.stripe.server import KEY

from marketplace.adapters.stripe.account import API_VERSION, connect
from marketplace.adapters.stripe.soundness import Finding, examine
from marketplace.adapters.stripe.webhooks import CONNECT_EVENTS, EVENTS

URL = "https://api.example.com"
SOUND = {
    "url": f"{URL}/hooks/stripe",
    "status": "enabled",
    "enabled_events": list(EVENTS),
    "api_version": API_VERSION,
}


async def findings(
    scene: Any, *, live: bool = False, key: str = KEY, connects: bool = False
) -> list[Finding]:
    connection = connect(key=key, url=scene.stripe.url)
    found = [one async for one in examine(connection.client, live=live, base_url=URL, connects=connects)]
    await connection.close()
    return found


class TestTheAccount:
    async def test_is_sound_when_key_and_endpoint_are(self, scene: Any) -> None:
        scene.stripe.books.new("we", "webhook_endpoint", **SOUND)

        assert [one.ok for one in await findings(scene)] == [True, True]
        assert {method for method, _, _ in scene.stripe.asked} == {"GET"}

    @pytest.mark.parametrize(
        ("wrong", "saw"),
        [
            ({"status": "disabled"}, "disabled"),
            ({"api_version": "2020-08-27"}, API_VERSION),
            ({"enabled_events": list(EVENTS[1:])}, EVENTS[0]),
            ({"url": "https://other.example/hooks/stripe"}, "no endpoint"),
        ],
    )
    async def test_is_not_when_the_endpoint_is_not(self, scene: Any, wrong: Any, saw: str) -> None:
        scene.stripe.books.new("we", "webhook_endpoint", **(SOUND | wrong))

        key, endpoint = await findings(scene)

        assert (key.ok, endpoint.ok) == (True, False)
        assert saw in endpoint.saw

    async def test_may_be_told_of_everything(self, scene: Any) -> None:
        scene.stripe.books.new("we", "webhook_endpoint", **(SOUND | {"enabled_events": ["*"]}))

        assert (await findings(scene))[1].ok

    async def test_needs_an_endpoint_for_connected_accounts_where_it_has_a_secret(self, scene: Any) -> None:
        scene.stripe.books.new("we", "webhook_endpoint", **SOUND)
        before = await findings(scene, connects=True)
        connected = SOUND | {"enabled_events": list(CONNECT_EVENTS)}
        scene.stripe.books.new("we", "webhook_endpoint", **connected)

        after = await findings(scene, connects=True)

        assert [one.ok for one in before] == [True, True, False]
        assert CONNECT_EVENTS[0] in before[2].saw
        assert [one.ok for one in after] == [True, True, True]

    async def test_is_not_when_the_key_is_refused_or_of_the_other_kind(self, scene: Any) -> None:
        refused = await findings(scene, key="sk_test_wrong_0123456789")
        other = await findings(scene, live=True)

        assert [one.ok for one in refused] == [False]
        assert not other[0].ok
