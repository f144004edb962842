"""The real server over real rooms: uvicorn on a free loopback port, SQLite and blobs in a temporary folder.

`server` has a worker, which fills what it is told to. `idle` has none, so that a test can hold a task in any
state: it plays the worker itself. Both end with the module: threads that live on would disturb the property
tests of other rooms, which watch over every use of `random` in the process.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import socket
import threading
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest
import structlog
import uvicorn
from PIL import Image

from cleanplate import settings
from cleanplate.account import Accounts, Presets
from cleanplate.fetch import Fetcher
from cleanplate.http import Callbacks, Services, create_app
from cleanplate.notify import Deliveries
from cleanplate.store import Blobs, Database
from cleanplate.task import InMemoryCompletions, Outcome, Tasks
from cleanplate.task.keys import result_key
from cleanplate.task.ports import DELIVER, RUN_TASK
from cleanplate.worker import Finder, InMemoryWakeups, Inspector, Worker
from cleanplate.worker.children import Upbringing

WIDTH, HEIGHT = 64, 48
PATIENCE = 20  # seconds; far more than anything here takes


def encode(pixels, picture_format="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, picture_format, **options)
    return buffer.getvalue()


def photo(width=WIDTH, height=HEIGHT):
    """A smooth picture with a white stamp at (10, 8), 20 × 12 pixels."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 3 % 256, y * 4 % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    pixels[8:20, 10:30] = 255
    return pixels


def mask(width=WIDTH, height=HEIGHT):
    pixels = np.zeros((height, width), np.uint8)
    pixels[8 * height // HEIGHT : 20 * height // HEIGHT, 10 * width // WIDTH : 30 * width // WIDTH] = 255
    return pixels


def smear(width=WIDTH, height=HEIGHT):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[8:20, 10:30] = (230, 30, 60)
    return pixels


def holes():
    """A mask as a browser's eraser makes it: white all over, transparent where the stamp is."""
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[8:20, 10:30, 3] = 0
    return pixels


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures, and what to think of a result."""

    stamp: tuple = (10, 8, 20, 12)
    photo: bytes = field(default_factory=lambda: encode(photo()))
    jpeg: bytes = field(default_factory=lambda: encode(photo(), "JPEG", quality=95))
    tiny: bytes = field(default_factory=lambda: encode(photo(19, 64)))
    mask: bytes = field(default_factory=lambda: encode(mask()))
    mask_jpeg: bytes = field(default_factory=lambda: encode(mask(), "JPEG", quality=60))
    mask_holes: bytes = field(default_factory=lambda: encode(holes()))
    mask_half: bytes = field(default_factory=lambda: encode(mask(WIDTH // 2, HEIGHT // 2)))
    mask_square: bytes = field(default_factory=lambda: encode(mask(HEIGHT, HEIGHT)))
    mask_empty: bytes = field(default_factory=lambda: encode(np.zeros((HEIGHT, WIDTH), np.uint8)))
    smear: bytes = field(default_factory=lambda: encode(smear()))

    @property
    def rectangles(self):
        return json.dumps([dict(zip(("x", "y", "width", "height"), self.stamp, strict=True))])

    def is_clean(self, data):
        """Whether the stamp is gone and nothing else has changed (PNG)."""
        result = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert result.shape == (HEIGHT, WIDTH, 3)
        area = mask().astype(bool)
        same = result == photo()
        return same[~area].all() and (result[area] < 250).any(axis=-1).mean() > 0.9


@pytest.fixture(scope="session")
def pictures():
    return Pictures()


class House:
    """A whole server in a thread of its own."""

    def __init__(self, folder, *, worker, **sections):
        usual = {
            "fetch": settings.Fetch(allow_networks=["127.0.0.0/8"], seconds=5),
            "worker": settings.Worker(slots=1),
        }
        self.settings = settings.load(data_dir=folder, **(usual | sections))
        self.age = 0.0  # seconds by which tasks are older than they are
        self._worker = worker
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._failure = None

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        if self._failure:
            raise self._failure
        self.client = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.secret}"}, timeout=PATIENCE
        )
        return self

    def __exit__(self, *_):
        self.client.close()
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def call(self, coroutine):
        """Run something of the house's inside its event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def leave(self):
        """Send away who follows events, as a server that stops does."""
        self._loop.call_soon_threadsafe(self.app.state.desk.listeners.closing.set)

    def call_defective(self, path, **sent):
        """POST to an app of the same rooms, in which looking at uploads is broken."""

        class Defective:
            async def check(self, *_):
                raise RuntimeError("secret inner life")

        async def post():
            app = create_app(dataclasses.replace(self.services, inspector=Defective()), self.settings)
            headers = {"Authorization": f"Bearer {self.secret}", "Origin": "https://example.com"}
            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="http://test", headers=headers
            ) as client:
                return await client.post(path, **sent)

        return self.call(post())

    def token(self, account="default", *, admin=False):
        return self.call(self.services.accounts.create_token(account, "test", admin))[1]

    def claim(self, task_id):
        return self.call(self.services.tasks.claim(task_id, "test"))

    def finish(self, task_id, data, extension="png", **known):
        """What a worker does with a picture that it could clean."""
        task = self.claim(task_id)
        key = result_key(task.id, task.attempt, extension)
        self.call(self.services.blobs.put(key, data))
        values = {
            "result_key": key,
            "format": "PNG",
            "extension": extension,
            "media_type": "image/png",
            "width": WIDTH,
            "height": HEIGHT,
            "box": (10, 8, 20, 12),
            "download_ms": 0.0,
            "work_ms": 12.5,
            "changed": True,
        }
        assert self.call(self.services.tasks.finish(task, Outcome(**(values | known))))

    def fail(self, task_id, failure):
        """What a worker does with a picture that it could not clean."""
        assert self.call(self.services.tasks.fail(self.claim(task_id), failure))

    def accepted(self, answer):
        """The task that was accepted with this answer."""
        assert answer.status_code == 200, answer.text
        return self.task(answer.json()["data"]["task_id"])

    def done(self, pictures):
        """A task that is done: its id, and the link to its result."""
        answer = self.client.post("/task/pic/watermark", files={"image_file": pictures.photo})
        task_id = self.accepted(answer).id
        self.finish(task_id, pictures.photo)
        return task_id, self.client.get(f"/task/{task_id}").json()["data"]["image"]

    def task(self, task_id):
        """The task as it is in the table."""
        account = self.call(self.services.accounts.get("default"))
        return self.call(self.services.tasks.get(account.id, task_id))

    async def _live(self):
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack)
                self._ready.set()
                await self._over.wait()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._ready.set()

    async def _open(self, stack):
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        db = Database(self.settings.database_url)
        stack.push_async_callback(db.close)
        await db.upgrade()
        blobs = Blobs(self.settings.blobs_url)
        accounts = Accounts(db, self.settings.account)
        stack.push_async_callback(accounts.aclose)
        presets = Presets(db, self.settings.account)
        wakeups = InMemoryWakeups()
        fetcher = Fetcher(self.settings.fetch)
        stack.push_async_callback(fetcher.aclose)
        tasks = Tasks(
            db,
            blobs,
            wakeups,
            InMemoryCompletions(),
            self.settings.task,
            clock=lambda: time.time() - self.age,
        )
        upbringing = Upbringing.of(self.settings.worker, 1, self.settings.models)
        inspector = await stack.enter_async_context(Inspector(self.settings.picture, upbringing))
        finder = Finder(self.settings.picture, self.settings.task.work_seconds, upbringing)
        stack.push_async_callback(finder.aclose)
        secret = await db.get_or_create_secret("links")
        self.services = Services(accounts, presets, tasks, blobs, fetcher, inspector, finder, secret)
        self.callbacks = Callbacks(self.services, self.settings)
        self.deliveries = Deliveries(
            db,
            fetcher,
            self.callbacks.render,
            self.settings.notify,
            wakeups,
            clock=lambda: time.time() - self.age,
        )
        if self._worker:
            worker = Worker(tasks, blobs, fetcher, self.deliveries, wakeups, self.settings)
            await stack.enter_async_context(worker)
        else:
            for entry in (RUN_TASK, DELIVER):
                wakeups.handle(entry, _nothing)
        self.secret = (await accounts.create_token("default", "test"))[1]
        self.admin = (await accounts.create_token("default", "boss", admin=True))[1]
        await self._serve(stack)

    async def _serve(self, stack):
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.app = create_app(self.services, self.settings)
        config = uvicorn.Config(
            self.app,
            log_config=None,
            lifespan="off",
            proxy_headers=False,  # uvicorn's own would believe every client on this machine
            timeout_graceful_shutdown=5,
        )
        server = Uvicorn(config)
        running = asyncio.create_task(server.serve([listener]))

        async def stop():
            server.should_exit = True
            await running

        stack.push_async_callback(stop)
        await server.up.wait()


class Uvicorn(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


async def _nothing(_key):
    pass


@pytest.fixture(scope="session", autouse=True)
def quiet():
    """The houses' logs go nowhere; `structlog.testing.capture_logs` still sees them."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(),
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.KeyValueRenderer()],
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with House(tmp_path_factory.mktemp("server"), worker=True) as house:
        yield house


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    short = settings.Http(kaze_hold_seconds=0)
    task = settings.Task(sync_wait_seconds=0.05)
    with House(tmp_path_factory.mktemp("idle"), worker=False, http=short, task=task) as house:
        yield house


@pytest.fixture
def house(tmp_path):
    """Make a house with other settings, without a worker unless asked for."""
    opened = []

    def build(*, worker=False, **sections):
        one = House(tmp_path / str(len(opened)), worker=worker, **sections)
        one.__enter__()
        opened.append(one)
        return one

    yield build
    for one in opened:
        one.__exit__()


class Web:
    """Somebody else's web server: serves what is put into `pages`, and keeps what is posted to it."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        self.posted = []
        self.arrived = threading.Condition()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append(self.path)
                status, body = web.pages.get(urlsplit(self.path).path, (404, b""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                with web.arrived:
                    web.posted.append((self.path, dict(self.headers), body))
                    web.arrived.notify_all()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, path, body, status=200):
        self.pages[path] = (status, body)
        return self.url + path

    def wait_for_post(self, path):
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(one[0] == path for one in self.posted), PATIENCE)
            return next(one for one in self.posted if one[0] == path)


@pytest.fixture(scope="module")
def web():
    with Web() as one:
        yield one
