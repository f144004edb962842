"""The native calls for presets: regions that an account keeps under a name."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.native import parse, render
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems
from cleanplate.http.native.removals import HOW

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "minLength": 1, "maxLength": 100},
                        **{name: HOW[name] for name in ("rectangles", "unit", "anchor")},
                    },
                    "required": ["name", "rectangles"],
                    "additionalProperties": False,
                }
            }
        },
    }
}

router = APIRouter(prefix="/v1/presets", tags=["native"], dependencies=SPELLINGS)


@router.post(
    "",
    summary="Keep a region under a name",
    operation_id="create_preset",
    status_code=201,
    openapi_extra=_BODY,
    responses={201: {"model": render.PresetAnswer}, **problems(409, *BODY_REFUSALS)},
)
async def create_preset(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Keep a region: in pixels or fractions, from any corner of the picture."""
    async with desk.bodies.form(request) as form:
        asked = parse.preset(form, desk.settings.region.max_rectangles)
    preset = await desk.services.presets.create(caller.account.id, asked.name, asked.region)
    return answer(render.preset(preset), 201)


@router.get(
    "",
    summary="List presets",
    operation_id="list_presets",
    responses={200: {"model": render.PresetList}, **problems(*REFUSALS)},
)
async def list_presets(caller: Authenticated, desk: AtDesk) -> Response:
    """List the account's presets by name."""
    known = await desk.services.presets.listed(caller.account.id)
    return answer({"presets": [render.preset(one) for one in known]})


@router.get(
    "/{preset_id}",
    summary="Ask for a preset",
    operation_id="get_preset",
    responses={200: {"model": render.PresetAnswer}, **problems(404, *REFUSALS)},
)
async def get_preset(preset_id: str, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell a preset, by its id or its name."""
    return answer(render.preset(await desk.services.presets.get(caller.account.id, preset_id)))


@router.delete(
    "/{preset_id}",
    summary="Forget a preset",
    operation_id="delete_preset",
    status_code=204,
    responses=problems(404, *REFUSALS),
)
async def delete_preset(preset_id: str, caller: Authenticated, desk: AtDesk) -> Response:
    """Forget a preset, by its id or its name; what was asked for with it is not changed."""
    await desk.services.presets.delete(caller.account.id, preset_id)
    return Response(status_code=204)
