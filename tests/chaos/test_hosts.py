"""Several hosts in network namespaces with addresses of their own, one of them cut off for a while.

For twelve seconds by default; with `CLEANPLATE_CHAOS=300` for thirty, and with more tasks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress

import cv2
import numpy as np
import pytest
import requests

from backends import S3, Postgres, Unavailable
from fleet import Fleet, until
from servers import Origin

NETWORK = "10.77.0"
HUB = f"{NETWORK}.1"  # where PostgreSQL, S3 and the pictures are
FULL = int(os.environ.get("CLEANPLATE_CHAOS", "0")) >= 300
CUT_SECONDS = 30 if FULL else 12
TASKS = 24 if FULL else 10
SETTINGS = {
    "TASK__LEASE_SECONDS": "6",
    "TASK__SWEEP_SECONDS": "3",
    "WORKER__HOST": "0.0.0.0",
    "FETCH__ALLOW_NETWORKS": [f"{NETWORK}.0/24"],
}


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """A switch of this machine, and hosts on it."""

    def __init__(self) -> None:
        self.tag = f"cp{os.getpid() % 10_000}"
        self.hosts: list[str] = []

    def __enter__(self):
        try:
            _ip("link", "add", self.tag, "type", "bridge")
            _ip("addr", "add", f"{HUB}/24", "dev", self.tag)
            _ip("link", "set", self.tag, "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces on this machine (root and iproute2 are needed): {error}")
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", host)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", self.tag)

    def add(self) -> tuple[str, str]:
        """A host; its name and its address."""
        number = len(self.hosts) + 1
        host, cable = f"{self.tag}h{number}", f"{self.tag}c{number}"
        self.hosts.append(host)
        _ip("netns", "add", host)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host)
        _ip("link", "set", cable, "master", self.tag, "up")
        _ip("-n", host, "addr", "add", f"{NETWORK}.{10 + number}/24", "dev", "eth0")
        _ip("-n", host, "link", "set", "eth0", "up")
        _ip("-n", host, "link", "set", "lo", "up")
        return host, f"{NETWORK}.{10 + number}"

    def cable(self, host: str, state: str) -> None:
        """Pull the cable of a host, or put it in again."""
        _ip("link", "set", host.replace("h", "c"), state)


@pytest.fixture
def network():
    if shutil.which("ip") is None:
        pytest.skip("no iproute2 on this machine")
    with Network() as it:
        yield it


@pytest.fixture
def backends(network):
    try:
        postgres, s3 = Postgres(HUB, durable=True), S3(HUB)
    except Unavailable as missing:
        pytest.skip(str(missing))
    with postgres, s3:
        yield postgres, s3


class Client:
    """Sends pictures to the servers in turn, as files or by URL."""

    def __init__(self, fleet: Fleet, elsewhere: Origin, servers: list) -> None:
        self._fleet, self._elsewhere, self._servers = fleet, elsewhere, servers
        pixels = np.full((90, 120, 3), 100, np.uint8)
        pixels[40:60, 30:80] = 255
        self._picture = cv2.imencode(".png", pixels)[1].tobytes()
        elsewhere.slow_seconds = 2.0
        elsewhere.files = {"a.png": self._picture}
        self.ids: list[str] = []

    def submit(self, server: int, *, slow: bool) -> None:
        url = f"{self._elsewhere.url}/slow/a.png"
        source = {"url": (None, url)} if slow else {"file": ("a", self._picture)}
        answer = requests.post(
            f"{self._servers[server].url}/v1/removals",
            headers={"Authorization": f"Bearer {self._servers[0].token}"},
            files={
                **source,
                "rectangles": (None, '[{"x":30,"y":40,"width":50,"height":20}]'),
                "webhook": (None, f"{self._elsewhere.url}/heard"),
            },
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        self.ids.append(answer.json()["id"])

    def all_done(self) -> bool:
        return self._fleet.query("SELECT count(*) FROM tasks WHERE state = 'done'") == [(len(self.ids),)]

    def occupies(self, pid: int) -> bool:
        """Whether a worker holds a task (each takes two seconds); else there is one more to be had."""
        if _held_by(self._fleet, pid):
            return True
        if not self._fleet.query("SELECT 1 FROM tasks WHERE state = 'queued'"):
            self.submit(0, slow=True)
        return False


def _held_by(fleet: Fleet, pid: int) -> list:
    return fleet.query("SELECT 1 FROM tasks WHERE worker LIKE $1", f"%:{pid}")


def _entered(network: Network) -> tuple[str, str, tuple[str, ...]]:
    """A new host, its address, and the words that run a command there."""
    host, address = network.add()
    return host, address, ("ip", "netns", "exec", host)


@pytest.mark.slow
def test_a_host_that_is_cut_off_loses_its_tasks_to_the_others_and_comes_back(network, backends, tmp_path):
    postgres, s3 = backends
    with Origin(host=HUB) as elsewhere, Fleet(tmp_path, postgres, postgres.create(), s3, SETTINGS) as fleet:
        servers = []
        for _ in range(2):
            _, address, inside = _entered(network)
            servers.append(fleet.add_server(host=address, before=inside))
        workers = []
        for _ in range(2):
            host, address, inside = _entered(network)
            workers.append((host, address, fleet.add_worker(before=inside)))
        client = Client(fleet, elsewhere, servers)

        cut, address, hand = workers[0]
        pid = hand.process.pid
        until(lambda: client.occupies(pid))
        network.cable(cut, "down")
        since = time.monotonic()
        for number in range(TASKS):
            client.submit(number % 2, slow=number % 3 == 0)
        until(lambda: _held_by(fleet, pid) == [], 60, "nobody has taken over")
        taken_over = time.monotonic() - since
        time.sleep(max(0.0, CUT_SECONDS - (time.monotonic() - since)))
        network.cable(cut, "up")
        back = until(lambda: _ready(f"http://{address}:{hand.port}/readyz"), 60)
        until(client.all_done, 180)
        # The one that was cut off works again, without having been started anew.
        fleet.workers[1].end()
        client.submit(0, slow=False)
        until(client.all_done, 60)
        assert hand.process.poll() is None

        until(lambda: fleet.query("SELECT count(*) FROM deliveries WHERE state <> 'delivered'") == [(0,)])
        kinds = fleet.query(
            "SELECT kind, count(*), count(DISTINCT task_id) FROM ledger GROUP BY kind ORDER BY 1"
        )
        count = len(client.ids)
        assert kinds == [("capture", count, count), ("hold", count, count)]
        refused = sum(one.log.count(" accepted=False") + one.log.count("taken away") for one in fleet.workers)
        again = fleet.query("SELECT count(*) FROM tasks WHERE attempt > 1")[0][0]
        print(
            f"taken over after {taken_over:.1f} s, back {back:.1f} s after the cable was in again; "
            f"{again} tasks were begun twice, {refused} late ends refused"
        )


def _ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
