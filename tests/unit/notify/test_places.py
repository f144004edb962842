from __future__ import annotations

import pytest

from cleanplate.notify import places
from cleanplate.notify.places import Places, host_of


def test_a_host_has_its_share_and_another_has_its_own() -> None:
    two = Places(2)
    assert [two.take("a", name, first=True) for name in ("1", "2", "3")] == [True, True, False]
    assert two.take("b", "4", first=True)
    assert [two.waits(name) for name in ("2", "3", "4")] == [False, True, False]


def test_who_waits_is_named_once_the_untried_first() -> None:
    one = Places(1)
    one.take("a", "1", first=True)
    for name, first in (("2", False), ("3", True), ("4", False), ("5", True), ("2", False)):
        assert not one.take("a", name, first=first)
    one.leave("a")
    named = [one.following("a") for _ in range(5)]
    assert named == [("3", True), ("5", True), ("4", False), ("2", False), None]


def test_who_waits_may_come_again_by_itself_when_there_is_room() -> None:
    one = Places(1)
    one.take("a", "1", first=True)
    one.take("a", "2", first=True)
    one.leave("a")
    assert not one.waits("2")
    assert one.take("a", "2", first=True)
    assert one.following("a") is None


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_WAITING", 1)
    one = Places(1)
    for name in ("1", "2", "3"):
        one.take("a", name, first=True)
    assert [one.following("a"), one.following("a")] == [("2", True), None]


def test_a_host_that_is_left_leaves_nothing_behind() -> None:
    one = Places(1)
    for number in range(100):
        assert one.take(f"{number}.example", "1", first=True)
        assert not one.take(f"{number}.example", "2", first=True)
        one.leave(f"{number}.example")
        one.following(f"{number}.example")
    assert (one._taken, one._waiting, one._hosts) == ({}, {}, {})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Hooks.Example.com:8443/a?b", "hooks.example.com"),
        ("http://example.com./", "example.com"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
    ],
)
def test_whom_a_url_calls(url: str, host: str) -> None:
    assert host_of(url) == host
