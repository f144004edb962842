"""The native calls for operators: accounts, how the service stands, and the settings in force."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, SecretStr
from starlette.responses import Response
from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.errors import CleanplateError
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Administrator
from cleanplate.http.desk import AtDesk
from cleanplate.http.native.problems import REFUSALS, problems
from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.http.desk import Desk
    from cleanplate.settings import Settings

FOLDERS = ("sources", "results")
COUNT_SECONDS = 3.0  # longest that the blobs are counted: a bucket may hold millions
HIDDEN = "hidden"


class HolderAnswer(TypedDict):
    name: str
    limit: int | None  # None: unlimited
    usage: int
    remaining: int | None
    tokens: int  # good ones
    queued: int
    running: int
    created_at: float
    last_used_at: float | None


class HolderList(TypedDict):
    accounts: list[HolderAnswer]


class WorkerAnswer(TypedDict):
    name: str
    removals: int  # that it works on
    since: float
    heard_until: float  # until when it need not be given up


class FolderAnswer(TypedDict):
    name: str
    blobs: int
    bytes: int


class StandingAnswer(TypedDict):
    at: float
    queued: int
    running: int
    oldest_at: float | None  # when the one that waits longest was accepted
    done_last_hour: int
    failed_last_hour: int
    mean_seconds: float | None  # of those that were done
    slots: int  # pictures cleaned at the same time, by one worker
    workers: list[WorkerAnswer]  # that are at something
    folders: list[FolderAnswer]
    counted: bool  # whether all blobs were counted; there may be too many
    disk_free: int | None  # bytes, where blobs are files of this machine
    disk_total: int | None


class SettingAnswer(TypedDict):
    name: str  # of its environment variable
    value: str  # as JSON; `hidden` for secrets
    meaning: str
    default: bool


class SettingList(TypedDict):
    settings: list[SettingAnswer]


router = APIRouter(prefix="/v1/operator", tags=["native"], dependencies=SPELLINGS)


@router.get(
    "/accounts",
    summary="All accounts",
    operation_id="list_accounts",
    responses={200: {"model": HolderList}, **problems(403, *REFUSALS)},
)
async def list_accounts(caller: Administrator, desk: AtDesk) -> Response:
    """List all accounts with their credits, tokens and unfinished removals."""
    del caller
    holders = await desk.services.accounts.listed()
    standing = await desk.services.tasks.standing()
    told: list[HolderAnswer] = []
    for holder in holders:
        account, tasks = holder.account, standing.by_account.get(holder.account.id, {})
        told.append(
            {
                "name": account.name,
                "limit": None if account.unlimited else holder.used + account.balance,
                "usage": holder.used,
                "remaining": None if account.unlimited else account.balance,
                "tokens": holder.tokens,
                "queued": tasks.get(State.QUEUED, 0),
                "running": tasks.get(State.RUNNING, 0),
                "created_at": holder.created_at,
                "last_used_at": holder.last_used_at,
            }
        )
    return answer({"accounts": told})


@router.get(
    "/standing",
    summary="How the service stands",
    operation_id="get_standing",
    responses={200: {"model": StandingAnswer}, **problems(403, *REFUSALS)},
)
async def get_standing(caller: Administrator, desk: AtDesk) -> Response:
    """Tell what waits, who works, what was done in the last hour, and what is stored."""
    del caller
    standing = await desk.services.tasks.standing()
    folders, counted = await _stored(desk)
    free, total = await asyncio.to_thread(_disk, desk.settings)
    told: StandingAnswer = {
        "at": time.time(),
        "queued": standing.unfinished[State.QUEUED],
        "running": standing.unfinished[State.RUNNING],
        "oldest_at": standing.oldest,
        "done_last_hour": standing.ended[State.DONE],
        "failed_last_hour": standing.ended[State.FAILED],
        "mean_seconds": standing.seconds,
        "slots": desk.settings.slots,
        "workers": [
            {"name": one.name, "removals": one.tasks, "since": one.since, "heard_until": one.heard_until}
            for one in standing.workers
        ],
        "folders": folders,
        "counted": counted,
        "disk_free": free,
        "disk_total": total,
    }
    return answer(told)


@router.get(
    "/settings",
    summary="The settings in force",
    operation_id="list_settings",
    responses={200: {"model": SettingList}, **problems(403, *REFUSALS)},
)
async def list_settings(caller: Administrator, desk: AtDesk) -> Response:
    """List every setting as it is in force; secrets, and passwords inside URLs, are hidden."""
    del caller
    told = list(_flat(desk.settings, "CLEANPLATE"))
    return answer({"settings": told})


async def _stored(desk: Desk) -> tuple[list[FolderAnswer], bool]:
    """What is in each folder of the blobs, and whether all of it was counted."""
    folders: list[FolderAnswer] = [{"name": name, "blobs": 0, "bytes": 0} for name in FOLDERS]
    try:
        async with asyncio.timeout(COUNT_SECONDS):
            for folder in folders:
                async for blob in desk.services.blobs.list(folder["name"]):
                    folder["blobs"] += 1
                    folder["bytes"] += blob.size
    except (TimeoutError, CleanplateError):
        return folders, False
    return folders, True


def _disk(settings: Settings) -> tuple[int | None, int | None]:
    """Free and total bytes where the blobs are, if that is a disk of this machine."""
    url = urlsplit(settings.blobs_url)
    if url.scheme != "file":
        return None, None
    try:
        usage = shutil.disk_usage(unquote(url.path))
    except OSError:
        return None, None
    return usage.free, usage.total


def _flat(section: BaseModel, prefix: str) -> list[SettingAnswer]:
    told: list[SettingAnswer] = []
    for name, field in type(section).model_fields.items():
        value: object = getattr(section, name)
        variable = f"{prefix}{'_' if prefix == 'CLEANPLATE' else '__'}{name.upper()}"
        if isinstance(value, BaseModel):
            told += _flat(value, variable)
            continue
        told.append(
            {
                "name": variable,
                "value": _shown(section, name, value),
                "meaning": field.description or "",
                "default": value == field.get_default(call_default_factory=True),
            }
        )
    return told


def _shown(section: BaseModel, name: str, value: object) -> str:
    """A value as JSON, without anything that must stay secret."""
    if isinstance(value, SecretStr) or _holds_secrets(value):
        return HIDDEN
    if isinstance(value, str) and "@" in value and urlsplit(value).password is not None:
        return '"' + value.replace(f":{urlsplit(value).password}@", f":{HIDDEN}@") + '"'
    return section.model_dump_json(include={name}).partition(":")[2].removesuffix("}")


def _holds_secrets(value: object) -> bool:
    return isinstance(value, dict) and any(
        isinstance(one, SecretStr) for one in cast("dict[str, object]", value).values()
    )
