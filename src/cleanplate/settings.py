"""One typed tree of settings, a section per room.

Read once, at start, from (strongest first) explicit arguments, the environment
(`CLEANPLATE_HTTP__PORT=9000`), a TOML file (`cleanplate.toml` in the working directory, or the one that
`CLEANPLATE_CONFIG` names) and the defaults below. Rooms are handed their section; nothing reads the
environment later.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cleanplate.errors import CleanplateError

CONFIG_VARIABLE = "CLEANPLATE_CONFIG"
DEFAULT_CONFIG = Path("cleanplate.toml")

MiB = 1024 * 1024
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
HostPort = Annotated[str, Field(pattern=r"^[^\s/@]+:[0-9]{1,5}$")]


class SettingsInvalid(CleanplateError):
    """The settings are not valid."""

    code = "settings_invalid"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Http(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8080, description="Port to listen on; 0 picks a free one."
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
        description="Base of every link in an answer, such as `https://clean.example.org`. "
        "Unset: scheme and host of the request.",
    )
    trust_forwarded: bool = Field(
        default=False,
        description="Believe `X-Forwarded-Proto`, `-Host` and `-For`; only behind a proxy that sets them.",
    )
    max_body_bytes: Positive = Field(
        default=72 * MiB,
        description="Largest request body, enforced while it streams in (base64 grows by a third).",
    )
    max_fields: Positive = Field(default=64, description="Most fields and files in one form.")
    max_batch: Positive = Field(default=1_000, description="Most pictures in one batch.")
    max_batch_bytes: Positive = Field(
        default=512 * MiB, description="Most bytes of all pictures in an uploaded ZIP, unpacked."
    )
    max_metadata_bytes: Positive = Field(
        default=4_096, description="Largest `metadata` of a native request, as JSON."
    )
    max_metadata_depth: Annotated[int, Field(gt=0, le=200)] = Field(
        default=50, description="How deeply lists and objects may stand in each other in `metadata`."
    )
    upload_memory_mib: Positive = Field(
        default=256,
        description="Size of all request bodies that are looked at together; further ones wait on disk. "
        "Pictures that are downloaded for the console have as much again.",
    )
    max_looks: Positive = Field(
        default=16, description="Pictures that are looked at for the console, or wait for it, at a time."
    )
    max_listeners: Positive = Field(
        default=100, description="Browsers that follow their tasks live (`/v1/events`) at a time."
    )
    events_seconds: Seconds = Field(
        default=1.0, description="How often the tasks of somebody who follows them are looked at."
    )
    console: bool = Field(default=True, description="Serve the console at `/`.")
    metrics: Literal["admin", "open", "off"] = Field(
        default="admin", description="Who may read `/metrics`: admin tokens, everybody, or nobody."
    )
    cors_origins: list[str] = Field(default=["*"], description="Origins that browsers may call from.")
    body_seconds: Seconds = Field(default=60, description="Longest that a request body may take to arrive.")
    kaze_hold_seconds: Annotated[float, Field(ge=0, le=30)] = Field(
        default=3.0,
        description="How long Kaze's `get_task_result` waits for a task that still runs before it answers.",
    )
    kaze_always_200: bool = Field(
        default=False, description="Kaze errors with HTTP 200 and only the code in the envelope."
    )
    unlimited_quota: Positive = Field(
        default=1_000_000_000,
        description="The credits that Kaze's `get_quota` and PicWish's `package-credits` show for an account "
        "without a limit.",
    )


class Picture(Section):
    max_bytes: Positive = Field(default=50 * MiB, description="Largest encoded picture.")
    min_side: Positive = Field(default=20, description="Shortest side accepted, in pixels.")
    max_side: Positive = Field(default=20_000, description="Longest side accepted, in pixels.")
    max_pixels: Positive = Field(default=120_000_000, description="Most pixels in one picture.")
    max_frames: Positive = Field(
        default=1_000, description="Most frames in an animated picture (only the first is used)."
    )
    decode_seconds: Seconds = Field(default=10, description="Longest that decoding may take.")
    jpeg_quality: Annotated[int, Field(ge=95, le=100)] = Field(
        default=95, description="Lowest JPEG quality written."
    )
    history: bool = Field(
        default=True, description="Add an XMP history entry saying that cleanplate edited the picture."
    )


class Region(Section):
    max_rectangles: Positive = Field(default=50, description="Most rectangles in one request.")


class Engine(Section):
    sensitivity: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=0.5,
        description="How readily something is taken for a watermark where a request does not say: 0 only "
        "what is certain, 1 also what is faint.",
    )


class Models(Section):
    model: str | None = Field(
        default=None,
        min_length=1,
        description="The network that paints: a name from `cleanplate models list`, or the path of an ONNX "
        "file. Unset: the one that comes with the package.",
    )
    provider: Literal["auto", "cpu", "cuda", "openvino"] = Field(
        default="auto", description="What networks run on; `auto` is the best that there is."
    )
    threads: Positive | None = Field(
        default=None,
        description="Threads of one network. Unset: the processors, shared out among the slots.",
    )
    folder: Path | None = Field(
        default=None,
        description="Where fetched networks are. Unset: `cleanplate/models` in the user's cache folder "
        "(`XDG_CACHE_HOME`, or `~/.cache`).",
    )
    mirror: str = Field(
        default="https://huggingface.co",
        pattern=r"^https?://[^?#\s]+$",
        description="Where networks are fetched from: a model hub, or a server that has the same paths.",
    )


class Task(Section):
    work_seconds: Seconds = Field(
        default=30, description="Longest that one attempt may take, download included."
    )
    sync_wait_seconds: Seconds = Field(
        default=30, description="Longest that a synchronous request waits for its result."
    )
    keep_seconds: Positive = Field(
        default=3_600, description="How long a task and its result are kept after submission."
    )
    lease_seconds: Seconds = Field(
        default=15, description="A running task whose worker is silent this long is taken away."
    )
    sweep_seconds: Seconds = Field(
        default=15, description="How often every unfinished task is looked at again."
    )
    max_losses: Positive = Field(
        default=3, description="A task that loses its worker this often is failed and refunded."
    )
    retry_seconds: list[Seconds] = Field(
        default=[5, 15, 60],
        description="Pauses before a task is tried again that the server itself kept from being done: its "
        "storage failed, or its picture processes did not start. After the last it is failed and refunded.",
    )
    max_queued: Positive = Field(
        default=1_000, description="Unfinished tasks at which new ones are turned away."
    )
    max_wait_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=30,
        description="Longest that a request whose client waits may have to wait for its turn, by what the "
        "latest tasks took; beyond that it is turned away. Clients wait for synchronous requests and in the "
        "vendors' dialects, not for native asynchronous requests and batches. 0: no limit.",
    )
    max_batched: Positive = Field(
        default=10_000,
        description="Unfinished pictures of batches at which new batches are turned away; not counted "
        "by `max_queued`.",
    )
    batch_keep_seconds: Positive = Field(
        default=86_400, description="How long a batch and its results are kept after submission."
    )
    max_per_account: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Unfinished tasks that one account may have at a time; 0: no limit."
    )
    audit_seconds: Positive = Field(
        default=90 * 86_400, description="How long the audit trail remembers who asked for what."
    )
    audit_client: Literal["hashed", "plain", "off"] = Field(
        default="hashed",
        description="How the audit trail keeps the address that a request came from: by a keyed hash, which "
        "tells whether two are the same, as it is, or not at all.",
    )
    credits: Positive = Field(default=1, description="Credits that one removal costs.")


class Account(Section):
    require_token: bool = Field(
        default=True, description="Refuse requests without a token. Off: everyone is `default`."
    )
    creates_per_second: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0,
        description="Pictures and batches that one token may submit a second, in the long run; 0: no limit. "
        "Queries are never counted.",
    )
    creates_burst: Positive = Field(
        default=10, description="How many of them may come at once before `creates_per_second` counts."
    )
    max_presets: Positive = Field(default=1_000, description="Most presets of one account.")
    session_seconds: Positive = Field(
        default=12 * 3_600, description="How long a browser stays signed in to the console."
    )
    own_tokens: bool = Field(
        default=True,
        description="Let every token make and revoke further tokens of its own account; off: only admins.",
    )


class Database(Section):
    url: str | None = Field(
        default=None,
        repr=False,  # it may hold a password
        description="`postgresql://user:password@host/name`, or `sqlite+aiosqlite:////path/file.db`. "
        "Unset: SQLite in the data folder. On PostgreSQL any number of processes on any number of machines "
        "work together; connect to the server itself, not to a pooler that shares connections.",
    )
    busy_seconds: Seconds = Field(
        default=10,
        description="How long one transaction waits for another. PostgreSQL ends one whose process has "
        "fallen silent after half of that.",
    )
    connections: Positive = Field(
        default=10, description="Most connections of one process to PostgreSQL; one more carries wake-ups."
    )


class Blobs(Section):
    url: str | None = Field(
        default=None,
        description="Where sources and results are stored: `s3://bucket/prefix`, or `file:///folder`. "
        "Unset: `blobs/` in the data folder.",
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s@]+/?$",
        description="The S3 server, such as `https://s3.example.org`. Unset: Amazon's in `region`.",
    )
    region: str = Field(default="us-east-1", min_length=1, description="The S3 region.")
    access_key: SecretStr | None = Field(
        default=None,
        description="S3 access key. Unset: the role of the machine or its container.",
    )
    secret_key: SecretStr | None = Field(default=None, description="The secret that belongs to `access_key`.")
    bucket_in_host: bool = Field(
        default=False, description="Call S3 as `bucket.host` instead of `host/bucket`."
    )
    seconds: Seconds = Field(default=30, description="Longest that one S3 request may take.")
    retry_seconds: Seconds = Field(
        default=20, description="How long an S3 request that fails for want of a server is tried again."
    )
    redirect: bool = Field(
        default=False,
        description="Send those who fetch a result on to S3 itself, with a presigned URL; otherwise the "
        "server hands the bytes through.",
    )
    public_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s@]+/?$",
        description="The S3 server as those who fetch results see it. Unset: `endpoint`.",
    )

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Blobs:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key belong together: set both, or neither")
        return self


class Fetch(Section):
    seconds: Seconds = Field(
        default=10, description="Longest that one download may take, redirects included."
    )
    lookups: Positive = Field(
        default=64, description="Names looked up at the same time; each takes a thread that only waits."
    )
    lookups_per_domain: Positive = Field(
        default=8,
        description="Names of one domain looked up at the same time, so that slow name servers hold up no "
        "other domain's.",
    )
    max_redirects: Annotated[int, Field(ge=0, le=20)] = Field(default=3, description="Redirects followed.")
    max_url_length: Positive = Field(default=2_048, description="Longest URL accepted.")
    allow_networks: list[IPvAnyNetwork] = Field(
        default=[],
        description="Networks that may be reached although they are private, such as `10.0.0.0/8`.",
    )
    connect_to: dict[HostPort, HostPort] = Field(
        default={},
        description="`host:port` of a URL → `address:port` to connect to instead, as curl's `--connect-to`.",
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file of further certificate authorities to trust."
    )


class Notify(Section):
    seconds: Seconds = Field(default=10, description="Longest that one callback may take.")
    retry_seconds: list[Seconds] = Field(
        default=[5, 15, 60, 300, 900], description="Pauses between the tries of one callback."
    )
    parallel: Positive = Field(default=32, description="Callbacks made at the same time.")
    per_host: Positive | None = Field(
        default=None,
        description="Callbacks made to one host at the same time, so that one that does not answer leaves "
        "room for others. Unset: a quarter of `parallel`.",
    )


class Worker(Section):
    slots: Positive | None = Field(
        default=None, description="Pictures cleaned at the same time. Unset: one a processor."
    )
    downloads: Positive = Field(
        default=8, description="Pictures downloaded at the same time, beside those being cleaned."
    )
    child_memory_mib: Positive = Field(default=2_048, description="Memory of one child process.")
    child_tasks: Positive = Field(
        default=500, description="Pictures after which a child is replaced by a fresh one."
    )
    start_seconds: Seconds = Field(default=30, description="Longest that a child may take to start.")
    drain_seconds: Seconds = Field(
        default=30, description="On shutdown, how long running pictures may finish."
    )
    host: str = Field(default="127.0.0.1", description="Address that `cleanplate worker` listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None,
        description="Port on which `cleanplate worker` answers `/healthz`, `/readyz` and `/metrics`, to "
        "everybody. Unset: none.",
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line written."
    )
    format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line."
    )


class Telemetry(Section):
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+[^?#\s]*$",
        description="Base URL of an OTLP/HTTP collector that gets traces, such as `http://localhost:4318`; "
        "needs `cleanplate[telemetry]`. Unset: no traces.",
    )
    headers: dict[str, SecretStr] = Field(
        default={}, description="Headers of every export, such as the key of a tracing service."
    )
    service: Annotated[str, Field(min_length=1)] = Field(
        default="cleanplate", description="Name of this service in its traces."
    )
    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="Share of the requests that are traced."
    )
    seconds: Seconds = Field(default=5, description="Longest that one export may take.")


class Settings(BaseSettings):
    """Everything that can be set. Frozen; build one with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="CLEANPLATE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Field(
        default=Path("data"), description="Folder of the database and the blobs, unless set elsewhere."
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Key of signed result links. Unset: drawn once and kept in the database.",
    )
    http: Http = Http()
    picture: Picture = Picture()
    region: Region = Region()
    engine: Engine = Engine()
    models: Models = Models()
    task: Task = Task()
    account: Account = Account()
    database: Database = Database()
    blobs: Blobs = Blobs()
    fetch: Fetch = Fetch()
    notify: Notify = Notify()
    worker: Worker = Worker()
    log: Log = Log()
    telemetry: Telemetry = Telemetry()

    @property
    def database_url(self) -> str:
        """The database's URL in force."""
        return self.database.url or f"sqlite+aiosqlite:///{(self.data_dir / 'cleanplate.db').absolute()}"

    @property
    def blobs_url(self) -> str:
        """The blob store's URL in force."""
        return self.blobs.url or (self.data_dir / "blobs").absolute().as_uri()

    @property
    def slots(self) -> int:
        """The number of pictures cleaned at the same time."""
        return self.worker.slots or os.cpu_count() or 1

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, and that over the TOML file; nothing else is read."""
        del dotenv_settings, file_secret_settings
        named = os.environ.get(CONFIG_VARIABLE)
        path = Path(named) if named else DEFAULT_CONFIG
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path))


def load(**overrides: object) -> Settings:
    """Read the settings, or say everything that is wrong with them at once.

    Args:
        overrides: sections or values that win over the environment and the file.

    Raises:
        SettingsInvalid: with one line per problem, each naming its variable.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsInvalid(f"{CONFIG_VARIABLE} names {named}, and there is no such file.")
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]  # validated by pydantic
    except ValidationError as error:
        lines = [
            f"  CLEANPLATE_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise SettingsInvalid("The settings are not valid:\n" + "\n".join(lines)) from error
    except ValueError as error:
        raise SettingsInvalid(f"The settings could not be read: {error}") from error
