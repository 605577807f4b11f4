"""The address of a webhook: what is allowed, what is shown, which redirects stay at home."""

from __future__ import annotations

import pytest

from hems_data_collector.outputs.endpoint import Endpoint

HOME = "https://user:pa%3Ass@home.example/hook/SECRETPATH?token=SECRETQUERY#fragment"


def test_user_and_password_become_a_header() -> None:
    home = Endpoint.parse(HOME)
    assert home.url.reveal() == "https://home.example/hook/SECRETPATH?token=SECRETQUERY"
    assert home.authorization is not None
    assert home.authorization.reveal() == "Basic dXNlcjpwYTpzcw=="  # user:pa:ss


def test_only_the_origin_is_shown() -> None:
    assert str(Endpoint.parse(HOME)) == "https://home.example"
    assert repr(Endpoint.parse(HOME)) == "Endpoint(https://home.example)"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:8000/webhook", "http://localhost:8000"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("https://h:443/", "https://h"),
        ("http://h:443/", "http://h:443"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
        ("http://[::1]/x", "http://[::1]"),
    ],
)
def test_the_origin_names_the_port_where_it_is_not_the_usual_one(text: str, origin: str) -> None:
    assert Endpoint.parse(text).origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "home.example/hook",
        "//home.example/hook",
        "ftp://SECRET.example",
        "file:///etc/SECRET",
        "http://",
        "http:///SECRET",
        "http://SECRET:port/",
        "http://SECRET:99999/",
        "http://SECRET:0/",
        "http://[SECRET/",
        "http://SECRET example/",
        "http://SECRET/\r\nX: y",
        "http:\\\\SECRET\\",
    ],
)
def test_what_is_no_web_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|host") as caught:
        Endpoint.parse(text)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("here", "location", "there"),
    [
        ("http://h/a", "/b", "http://h/b"),
        ("http://h/a/x", "b?q=1", "http://h/a/b?q=1"),
        ("http://h/a", "http://H:80/b", "http://H:80/b"),
        ("http://h/a", "https://h/a", "https://h/a"),
        ("http://h:8000/a", "https://h:8443/a", "https://h:8443/a"),
        ("https://h:8443/a", "//h:8443/b", "https://h:8443/b"),
    ],
)
def test_a_redirect_on_the_same_host_is_followed(here: str, location: str, there: str) -> None:
    assert Endpoint.parse(here).redirected(location).url.reveal() == there


@pytest.mark.parametrize(
    ("here", "location", "shown"),
    [
        ("http://h/a", "http://other/SECRET", "http://other"),
        ("http://h/a", "//other/SECRET", "http://other"),
        ("https://h/a", "http://h/SECRET", "http://h"),
        ("http://h:8000/a", "http://h:8001/SECRET", "http://h:8001"),
        ("https://h/a", "https://h:8443/SECRET", "https://h:8443"),
        ("https://h/a", "https://h.other/SECRET", "https://h.other"),
        ("https://h/a", "https://user@other:444/SECRET", "https://other:444"),
        ("https://h/a", "https://h@other/SECRET", "https://other"),
    ],
)
def test_a_redirect_elsewhere_is_refused(here: str, location: str, shown: str) -> None:
    with pytest.raises(ValueError, match=f"redirected to {shown}$"):
        Endpoint.parse(here).redirected(location)


def test_a_redirect_to_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Endpoint.parse("https://h/a").redirected("javascript:alert(1)")
