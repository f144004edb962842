"""How many callbacks are under way to each host, and which wait until there is room for them."""

from __future__ import annotations

from urllib.parse import urlsplit

MOST_WAITING = 10_000  # for one host; what is not remembered is brought back by the sweep


class Places:
    """A host's share of the callbacks that are made at the same time. Not thread-safe: one event loop.

    Args:
        per_host: callbacks to one host at the same time.
    """

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, tuple[dict[str, None], dict[str, None]]] = {}  # first tries, and others
        self._hosts: dict[str, str] = {}  # of those that wait

    def waits(self, delivery_id: str) -> bool:
        """Whether it waits, and there is still no room for it."""
        host = self._hosts.get(delivery_id)
        return host is not None and self._full(host)

    def take(self, host: str, delivery_id: str, *, first: bool) -> bool:
        """Have a place, until `leave`, or wait for one.

        Args:
            host: who is called.
            delivery_id: for whom.
            first: whether it was never tried; those go before the others.

        Returns:
            False: there is none. `following` names the delivery when its turn has come.
        """
        self._forget(delivery_id)
        if not self._full(host):
            self._taken[host] = self._taken.get(host, 0) + 1
            return True
        firsts, others = self._waiting.setdefault(host, ({}, {}))
        if len(firsts) + len(others) < MOST_WAITING:
            (firsts if first else others)[delivery_id] = None
            self._hosts[delivery_id] = host
        return False

    def leave(self, host: str) -> None:
        """Give a place back."""
        self._taken[host] -= 1
        if not self._taken[host]:
            del self._taken[host]

    def following(self, host: str) -> tuple[str, bool] | None:
        """The delivery whose turn it is at this host, and whether it was never tried; it waits no more."""
        firsts, others = self._waiting.get(host, ({}, {}))
        if not firsts and not others:
            return None
        delivery_id = next(iter(firsts or others))
        first = bool(firsts)
        self._forget(delivery_id)
        return delivery_id, first

    def _full(self, host: str) -> bool:
        return self._taken.get(host, 0) >= self._per_host

    def _forget(self, delivery_id: str) -> None:
        host = self._hosts.pop(delivery_id, None)
        if host is None:
            return
        for waiting in self._waiting[host]:
            waiting.pop(delivery_id, None)
        if not any(self._waiting[host]):
            del self._waiting[host]


def host_of(url: str) -> str:
    """Whom a URL calls, whatever the port: a machine that is away is away on all of them."""
    return (urlsplit(url).hostname or "").removesuffix(".")
