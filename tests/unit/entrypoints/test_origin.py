from typing import Any

from marketplace.entrypoints.http.office import Office


def origin(forwarded: str, *, proxies: int) -> str:
    nothing: Any = None
    office = Office(nothing, nothing, nothing, nothing, nothing, nothing, "shop", b"", proxies=proxies)
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return office._origin({"headers": headers, "client": ("10.0.0.1", 4711)})


class TestOrigin:
    def test_believes_no_header_where_no_proxy_is_named(self) -> None:
        assert origin("1.1.1.1", proxies=0) == origin("", proxies=0)

    def test_takes_the_address_that_the_outermost_proxy_saw(self) -> None:
        assert origin("6.6.6.6, 1.1.1.1, 10.0.0.9", proxies=2) == origin("1.1.1.1, 10.0.0.9", proxies=2)
        assert origin("1.1.1.1", proxies=1) != origin("2.2.2.2", proxies=1)

    def test_falls_back_to_the_connection_where_the_header_is_short(self) -> None:
        assert origin("1.1.1.1", proxies=2) == origin("", proxies=0)
