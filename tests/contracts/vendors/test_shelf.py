import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.ports.shelf import Document, Found, Listing, Shelf

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def document(key: str, tenant_id: UUID, content: Any = None, **facts: Any) -> Document:
    body = json.dumps(content).encode()
    return Document(shelf="test", key=f"{tenant_id}/{key}", tenant_id=tenant_id, body=body, **facts)


async def content(shelf: Shelf, wanted: Document) -> Any:
    found = await shelf.fetch(shelf=wanted.shelf, key=wanted.key)
    return None if found is None else json.loads(found.body)


def keys(documents: Sequence[Document]) -> list[str]:
    return [each.key.partition("/")[2] for each in documents]


class TestKeep:
    async def test_keeps_the_first_of_many_at_once(self, shelf: Shelf) -> None:
        tenant_id = uuid4()
        rivals = [document("a", tenant_id, number) for number in range(20)]

        kept = await asyncio.gather(*(shelf.keep(rival) for rival in rivals))

        assert kept.count(True) == 1
        assert await content(shelf, rivals[0]) == kept.index(True)

    async def test_gives_back_what_it_was_given(self, shelf: Shelf) -> None:
        given = document("a", uuid4(), {"text": "Môre 👋 \x00 '\";--"}, label="l", due_at=NOON)

        await shelf.keep(given)
        found = await shelf.fetch(shelf=given.shelf, key=given.key)

        assert found is not None
        assert (found.body, found.label, found.due_at, found.tenant_id) == (
            given.body,
            given.label,
            given.due_at,
            given.tenant_id,
        )

    async def test_finds_nothing_under_another_key_or_shelf(self, shelf: Shelf) -> None:
        given = document("a", uuid4())
        await shelf.keep(given)

        assert await shelf.fetch(shelf="other", key=given.key) is None
        assert await shelf.fetch(shelf=given.shelf, key="other") is None


class TestChange:
    async def test_loses_none_of_many_at_once(self, shelf: Shelf) -> None:
        tenant_id = uuid4()
        key = ("test", f"{tenant_id}/count")

        def count_up(found: Found) -> tuple[int, list[Document]]:
            before = json.loads(found[key].body) if key in found else 0
            return before + 1, [document("count", tenant_id, before + 1)]

        counts = await asyncio.gather(*(shelf.change([key], count_up) for _ in range(50)))

        assert sorted(counts) == list(range(1, 51))

    async def test_changes_nothing_when_the_decision_fails(self, shelf: Shelf) -> None:
        given = document("a", uuid4(), "before")
        await shelf.keep(given)

        def refuse(_found: Found) -> tuple[None, list[Document]]:
            raise KeyError("refused")

        with pytest.raises(KeyError):
            await shelf.change([(given.shelf, given.key)], refuse)

        assert await content(shelf, given) == "before"

    async def test_keeps_all_that_was_decided(self, shelf: Shelf) -> None:
        tenant_id = uuid4()
        first, second, new = (document(name, tenant_id, 0) for name in ("a", "b", "new"))
        await shelf.keep(first)
        places = [(each.shelf, each.key) for each in (second, first)]

        def decide(found: Found) -> tuple[int, list[Document]]:
            return len(found), [document(name, tenant_id, 1) for name in ("new", "b", "a")]

        found = await shelf.change(places, decide)

        assert found == 1
        assert [await content(shelf, each) for each in (first, second, new)] == [1, 1, 1]

    async def test_rests_on_what_was_read_though_it_stays(self, shelf: Shelf) -> None:
        """Each marks itself only while the other is unmarked: both at once would be write skew."""
        tenant_id = uuid4()
        pair = [document(name, tenant_id, 0) for name in ("a", "b")]
        places = [(each.shelf, each.key) for each in pair]
        for each in pair:
            await shelf.keep(each)

        def marking(name: str) -> Any:
            def decide(found: Found) -> tuple[bool, list[Document]]:
                free = all(json.loads(each.body) == 0 for each in found.values())
                return free, [document(name, tenant_id, 1)] if free else []

            return decide

        marked = await asyncio.gather(
            *(shelf.change(places, marking(name)) for _ in range(10) for name in ("a", "b"))
        )

        assert marked.count(True) == 1


class TestListed:
    async def test_shows_one_tenants_documents_newest_first_by_pages(self, shelf: Shelf) -> None:
        mine, other = uuid4(), uuid4()
        for name in "abcde":
            await shelf.keep(document(name, mine, label="odd" if name in "ace" else "even"))
            await shelf.keep(document(name, other))

        first = await shelf.listed(Listing(shelf="test", tenant_id=mine, limit=3))
        rest = await shelf.listed(Listing(shelf="test", tenant_id=mine, before=first[-1].position, limit=3))
        odd = await shelf.listed(Listing(shelf="test", tenant_id=mine, label="odd"))

        assert (keys(first), keys(rest), keys(odd)) == (["e", "d", "c"], ["b", "a"], ["e", "c", "a"])

    async def test_leaves_a_document_that_changes_in_its_place(self, shelf: Shelf) -> None:
        tenant_id = uuid4()
        for name in "ab":
            await shelf.keep(document(name, tenant_id, 0))
        key = ("test", f"{tenant_id}/a")

        await shelf.change([key], lambda _: (None, [document("a", tenant_id, 1)]))

        assert keys(await shelf.listed(Listing(shelf="test", tenant_id=tenant_id))) == ["b", "a"]


class TestDue:
    async def test_shows_what_has_come_due_the_longest_due_first(self, shelf: Shelf) -> None:
        tenant_id = uuid4()
        for name, minutes in (("late", 5), ("now", 0), ("long", -5), ("equal", 0)):
            await shelf.keep(document(name, tenant_id, due_at=NOON + timedelta(minutes=minutes)))
        await shelf.keep(document("never", tenant_id))

        due = await shelf.due(shelf="test", tenant_id=tenant_id, at=NOON, limit=10)
        one = await shelf.due(shelf="test", tenant_id=tenant_id, at=NOON, limit=1)

        assert (keys(due), keys(one)) == (["long", "now", "equal"], ["long"])

    async def test_knows_who_waits(self, shelf: Shelf) -> None:
        waiting, idle = {uuid4(), uuid4()}, uuid4()
        for tenant_id in waiting:
            await shelf.keep(document("a", tenant_id, due_at=NOON))
            await shelf.keep(document("b", tenant_id, due_at=NOON))
        await shelf.keep(document("a", idle))

        tenants = await shelf.tenants_waiting(shelf="test")

        assert waiting <= set(tenants)
        assert idle not in tenants
        assert len(tenants) == len(set(tenants))

    async def test_forgets_what_is_done(self, shelf: Shelf) -> None:
        given = document("a", uuid4(), due_at=NOON)
        await shelf.keep(given)

        await shelf.change([(given.shelf, given.key)], lambda _: (None, [document("a", given.tenant_id)]))

        assert await shelf.due(shelf="test", tenant_id=given.tenant_id, at=NOON, limit=10) == ()
        assert given.tenant_id not in await shelf.tenants_waiting(shelf="test")
