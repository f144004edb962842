"""The server tells a collector what each request set off: real processes, a real collector, OTLP/HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from servers import COMMAND, Cleanplate, Origin

CALLERS_TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLERS_SPAN = "b7ad6b7169203331"
RECTANGLES = [{"x": 30, "y": 40, "width": 50, "height": 20}]


@dataclass(frozen=True)
class Told:
    """One span as it arrived."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    failed: bool
    pid: int
    service: str
    attributes: dict


class Collector:
    """Takes traces as OTLP has them: protobuf posted to /v1/traces."""

    def __init__(self):
        self.spans = []
        self.headers = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                status = 200 if self.path == "/v1/traces" else 404
                if status == 200:
                    collector.spans += _spans(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, name, trace=None):
        """The spans of this name; a name with a star at its end is a beginning."""
        fits = name.removesuffix("*")
        return [
            one
            for one in self.spans
            if (one.name == name or (name.endswith("*") and one.name.startswith(fits)))
            and trace in {None, one.trace}
        ]


def _spans(body):
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        of = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for one in scope.spans:
                assert one.end_time_unix_nano >= one.start_time_unix_nano
                yield Told(
                    one.name,
                    one.trace_id.hex(),
                    one.span_id.hex(),
                    one.parent_span_id.hex(),
                    one.kind,
                    one.status.code == 2,
                    of["process.pid"],
                    of["service.name"],
                    _attributes(one.attributes),
                )


def _attributes(pairs):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


def _picture():
    pixels = np.full((90, 120, 3), 100, np.uint8)
    pixels[40:60, 30:80] = 255
    return cv2.imencode(".png", pixels)[1].tobytes()


@contextmanager
def _serving(folder, collector, arguments=(), **more):
    settings = {
        "WORKER__SLOTS": 1,
        "TELEMETRY__ENDPOINT": collector.url,
        "TELEMETRY__HEADERS": {"x-key": "sesame"},
        "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
        "NOTIFY__RETRY_SECONDS": [0.2],
        **more,
    }
    with Cleanplate(folder, settings, arguments=arguments) as server:
        yield server


def _submit(server, **fields):
    answer = requests.post(
        f"{server.url}/v1/removals",
        json={"rectangles": RECTANGLES, "mode": "fill", **fields},
        headers={
            "Authorization": f"Bearer {server.token}",
            "traceparent": f"00-{CALLERS_TRACE}-{CALLERS_SPAN}-01",
        },
        timeout=60,
    )
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


def test_a_request_its_task_and_its_callback_are_one_trace(tmp_path):
    with Collector() as collector, Origin() as elsewhere:
        elsewhere.files["photo.png?secret=1"] = _picture()
        with _serving(tmp_path, collector) as server:
            told = _submit(
                server, url=f"{elsewhere.url}/photo.png?secret=1", webhook=f"{elsewhere.url}/heard", sync=1
            )
            elsewhere.wait_for_callbacks(bool)
            requests.get(f"{server.url}/v1/removals/unknown", timeout=60)
            requests.get(f"{server.url}/healthz", timeout=60)
        # It has ended, so everything is told.
        ours = {one.name: one for one in collector.spans if one.trace == CALLERS_TRACE}
        parents = {name: next((up.name for up in ours.values() if up.id == one.parent), None)
                   for name, one in ours.items()}  # fmt: skip
        assert ours["POST /v1/removals"].parent == CALLERS_SPAN
        assert parents["accept"] == "POST /v1/removals"
        assert {parents[name] for name in ("wait", "attempt", "deliver")} == {"accept"}
        assert {parents[name] for name in ("claim", "fetch", "child", "store", "finish")} == {"attempt"}
        assert {parents[name] for name in ("decode", "fill", "compose", "encode")} == {"child"}
        assert not any(one.failed for one in ours.values())
        assert (
            ours["POST /v1/removals"].attributes
            | {
                "http.request.method": "POST",
                "url.path": "/v1/removals",
                "http.response.status_code": 200,
                "cleanplate.dialect": "native",
                "cleanplate.task": told["id"],
            }
            == ours["POST /v1/removals"].attributes
        )
        assert ours["attempt"].attributes["cleanplate.task"] == told["id"]
        assert ours["deliver"].attributes["http.response.status_code"] == 204
        [refused] = collector.named("GET /v1/removals/{removal_id}")
        assert (refused.trace == CALLERS_TRACE, refused.failed) == (False, False)
        assert refused.attributes["error.type"] == "token_missing"
        assert not collector.named("GET /healthz*")
        everything = json.dumps([one.attributes for one in collector.spans])
        assert server.token not in everything
        assert "secret=1" not in everything
        assert {one.service for one in collector.spans} == {"cleanplate"}
        assert {headers["x-key"] for headers in collector.headers} == {"sesame"}
        assert f"trace={CALLERS_TRACE}" in server.log


def test_another_process_goes_on_with_the_trace_of_a_task(tmp_path):
    with Collector() as collector, Origin() as elsewhere:
        elsewhere.files["photo.png"] = _picture()
        with _serving(tmp_path, collector, WORKER__DRAIN_SECONDS=0.1) as server:
            first = server.process.pid
            told = _submit(server, url=f"{elsewhere.url}/held/photo.png", webhook=f"{elsewhere.url}/heard")
            assert elsewhere.asked.wait(60)
        elsewhere.released.set()
        with _serving(tmp_path, collector) as server:
            second = server.process.pid
            elsewhere.wait_for_callbacks(bool)
        attempts = collector.named("attempt", CALLERS_TRACE)
        assert Counter((one.pid, one.attributes["cleanplate.task"]) for one in attempts) == {
            (first, told["id"]): 1,
            (second, told["id"]): 1,
        }
        assert {one.failed for one in attempts if one.pid == first} == {True}  # it was stopped
        assert {one.pid for one in collector.named("accept", CALLERS_TRACE)} == {first}
        assert {one.pid for one in collector.named("deliver", CALLERS_TRACE)} == {second}
        [accepted] = collector.named("accept", CALLERS_TRACE)
        assert {one.parent for one in attempts} == {accepted.id}


def test_a_server_and_a_worker_tell_one_trace(tmp_path, postgres_url):
    """The one accepts and never works, the other never answers; on PostgreSQL, as on many machines."""
    shared = {"DATABASE__URL": postgres_url, "BLOBS__URL": (tmp_path / "blobs").as_uri()}
    with Collector() as collector, Origin() as elsewhere:
        elsewhere.files["photo.png"] = _picture()
        worker = Cleanplate(
            tmp_path / "worker",
            {
                "TELEMETRY__ENDPOINT": collector.url,
                "TELEMETRY__SERVICE": "cleanplate-worker",
                "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
                **shared,
            },
        )
        worker.folder.mkdir()
        process = subprocess.Popen(
            [*COMMAND, "worker", "--slots", "1"], cwd=worker.folder, env=worker.environment
        )
        try:
            with _serving(tmp_path / "server", collector, ("--no-worker",), **shared) as server:
                _submit(server, url=f"{elsewhere.url}/photo.png", webhook=f"{elsewhere.url}/heard")
                elsewhere.wait_for_callbacks(bool)
                answering = server.process.pid
        finally:
            process.terminate()
            assert process.wait(60) == 0
        ours = {one.name: one for one in collector.spans if one.trace == CALLERS_TRACE}
        assert {one.pid for name, one in ours.items() if name in {"POST /v1/removals", "accept"}} == {
            answering
        }
        for name in ("claim", "fetch", "child", "store", "finish", "deliver"):
            assert (ours[name].pid, ours[name].service) == (process.pid, "cleanplate-worker")
        assert ours["attempt"].parent == ours["deliver"].parent == ours["accept"].id


def test_none_of_the_requests_are_told_when_the_share_is_none(tmp_path):
    with Collector() as collector, Origin() as elsewhere:
        elsewhere.files["photo.png"] = _picture()
        with _serving(tmp_path, collector, TELEMETRY__SHARE=0) as server:
            _submit(server, url=f"{elsewhere.url}/photo.png", sync=1)
        assert collector.spans == []


def test_a_collector_that_is_not_there_keeps_nobody_waiting(tmp_path):
    with Collector() as gone:
        pass
    with _serving(tmp_path, gone, TELEMETRY__SECONDS=1) as server, Origin() as elsewhere:
        elsewhere.files["photo.png"] = _picture()
        told = _submit(server, url=f"{elsewhere.url}/photo.png", sync=1)
        started = time.monotonic()
        server.end()
        assert time.monotonic() - started < 30  # the time to drain is not used up by it
    assert told["state"] == "done"
    assert "Traceback" not in server.log


def test_the_doctor_tries_the_collector(tmp_path):
    with Collector() as collector:
        well = Cleanplate(tmp_path, {"TELEMETRY__ENDPOINT": collector.url}).run("doctor")
    assert f"ok   traces: {collector.url}, 100% of the requests" in well
    ill = subprocess.run(
        [*COMMAND, "doctor"],
        cwd=tmp_path,
        env=Cleanplate(tmp_path, {"TELEMETRY__ENDPOINT": collector.url, "TELEMETRY__SECONDS": 1}).environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ill.returncode == 1
    assert f"BAD  traces: {collector.url} does not take them" in ill.stdout


WITHOUT = """
import sys
for name in ("opentelemetry.sdk", "opentelemetry.exporter"):
    sys.modules[name] = None  # as where the extra is not installed
from cleanplate.cli import main
main()
"""


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["serve", "--port", "0"], 1, 'cleanplate: To send traces: pip install "cleanplate[telemetry]"'),
        (["doctor"], 1, 'BAD  traces: To send traces: pip install "cleanplate[telemetry]"'),
    ],
)
def test_it_says_what_to_install(tmp_path, command, status, said):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *command],
        cwd=tmp_path,
        env=Cleanplate(tmp_path, {"TELEMETRY__ENDPOINT": "http://127.0.0.1:4318"}).environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_nothing_is_imported_that_is_not_needed(tmp_path):
    """A server without traces works where the extra is not installed, and loads nothing of it elsewhere."""
    code = """
import asyncio, sys
from cleanplate.cli.assembly import assembled
from cleanplate.settings import load
async def work():
    async with assembled(load(worker={"slots": 1})):
        loaded = ("opentelemetry.sdk", "opentelemetry.exporter")
        print(sorted(name for name in sys.modules if name.startswith(loaded)))
asyncio.run(work())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=Cleanplate(tmp_path).environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
