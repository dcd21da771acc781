"""Which of our files a REPLY answers, and what is told where that cannot be known."""

from tests.integration.stitch.conftest import Desk

from marketplace.adapters.stitch.clearing import troubles
from marketplace.ports.payments import Charge, Standing


class TestAReply:
    """Of a file of mandates it names neither file nor debit, only lines: two days' may look the same."""

    async def test_that_may_be_of_two_files_settles_neither_and_is_told(self, desk: Desk) -> None:
        first, second = desk.charge(), desk.charge()
        await sent_unanswered(desk, first)
        (reference,) = await desk.collect(second)
        desk.house.failing[reference] = "INVALID_ACCOUNT_NUMBER"
        (name,) = (await desk.round(days=1)).sent
        (reply,) = desk.house.take()

        read = await desk.round(minutes=5)

        assert await desk.standings(first, second) == [Standing.PENDING] * 2
        assert (
            [one.name for one in read.troubles] == [one.name for one in await troubles(desk.shelf)] == [reply]
        )
        assert name in read.troubles[0].problem
        assert desk.house.incoming() == [reply]

    async def test_is_that_of_the_file_that_it_is_named_after(self, desk: Desk) -> None:
        first, second = desk.charge(), desk.charge()
        await sent_unanswered(desk, first)
        (reference,) = await desk.collect(second)
        desk.house.failing[reference] = "INVALID_ACCOUNT_NUMBER"
        (name,) = (await desk.round(days=1)).sent
        (reply,) = desk.house.take()
        await desk.round(minutes=5)
        folder = desk.house.root / "Incoming"
        (folder / reply).rename(folder / f"REPLY_{name}")

        read = await desk.round(minutes=5)

        assert await desk.standings(first, second) == [Standing.PENDING, Standing.FAILED]
        assert (list(read.troubles), await troubles(desk.shelf)) == ([], ())

    async def test_is_not_looked_for_of_a_file_whose_output_came(self, desk: Desk) -> None:
        first, second = desk.charge(), desk.charge()
        (taken,) = await sent_unanswered(desk, first)
        desk.house.output([(taken, "SUCCESS", "PROCESSED")])
        await desk.round(minutes=5)
        (reference,) = await desk.collect(second)
        desk.house.failing[reference] = "INVALID_ACCOUNT_NUMBER"
        await desk.round(days=1)
        desk.house.take()

        await desk.round(minutes=5)

        assert await desk.standings(first, second) == [Standing.SUCCEEDED, Standing.FAILED]

    async def test_of_all_lines_is_not_that_of_a_longer_file(self, desk: Desk) -> None:
        first, second, third = desk.charge(), desk.charge(), desk.charge()
        await sent_unanswered(desk, first, second)
        (reference,) = await desk.collect(third)
        desk.house.failing[reference] = "INVALID_ACCOUNT_NUMBER"
        await desk.round(days=1)
        desk.house.take()

        await desk.round(minutes=5)

        assert await desk.standings(first, second, third) == [*[Standing.PENDING] * 2, Standing.FAILED]

    async def test_of_nobody_s_lines_is_kept_and_told(self, desk: Desk) -> None:
        charge = desk.charge()
        await desk.collect(charge)
        await desk.round(hours=3)
        (reply,) = desk.house.take()
        path = desk.house.root / "Incoming" / reply
        path.write_text(path.read_text("utf-8").replace("CONTRACT-1", "CONTRACT-2"), "utf-8")

        read = await desk.round(minutes=5)

        assert [one.problem for one in read.troubles] == ["LINE: no batch of ours has these lines"]
        assert (desk.house.incoming(), await desk.standings(charge)) == ([reply], [Standing.PENDING])

    async def test_that_refuses_a_file_fails_none_where_several_wait(self, desk: Desk) -> None:
        charges = [desk.charge(), desk.charge()]
        await sent_unanswered(desk, charges[0])
        await desk.collect(charges[1])
        desk.house.refusing_files = "INVALID_PRODUCT_HEADER_RECORD_TITLE"
        await desk.round(days=1)
        desk.house.take()

        read = await desk.round(minutes=5)

        assert "may answer" in read.troubles[0].problem
        assert await desk.standings(*charges) == [Standing.PENDING] * 2


async def sent_unanswered(desk: Desk, *charges: Charge) -> list[str]:
    """In a file that was taken, and whose REPLY got lost."""
    references = await desk.collect(*charges)
    await desk.round(hours=3)
    for reply in desk.house.take():
        (desk.house.root / "Incoming" / reply).unlink()
    return references
