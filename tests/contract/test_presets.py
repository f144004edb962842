"""Presets: kept per account, used by id or name in every dialect."""

from __future__ import annotations

import httpx2
import pytest

from cleanplate import settings

PRESETS = "/v1/presets"
URL = "https://example.com/a.png"
REGION = {
    "rectangles": [{"x": 34, "y": 28, "width": 20, "height": 12}],
    "anchor": "bottom-right",
}  # the stamp
SUBMITS = [
    ("/v1/removals", "url"),
    ("/api/ext/v1/submit_watermark_removal", "image_url"),
    ("/task/pic/watermark", "image_url"),
    ("/task/pic/watermark_auto", "url"),
    ("/api/tasks/visual/inpaint", "image_url"),
    ("/api/tasks/visual/watermark", "image_url"),
    ("/api/tasks/visual/external/watermark-remove", "url"),
]


def problem(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    return body["detail"]


def own(house, name):
    return {"Authorization": f"Bearer {house.token(name)}"}


def create(house, name, headers=None, **fields):
    answer = house.client.post(PRESETS, json={"name": name, **(fields or REGION)}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def task_id_of(answer):
    body = answer.json()
    return body["id"] if "id" in body else body["data"]["task_id"]


class TestKeeping:
    def test_create_ask_list_delete(self, idle):
        mine = own(idle, "keeper")
        made = create(idle, "shop", mine)
        assert made["rectangles"] == REGION["rectangles"]
        assert (made["name"], made["unit"], made["anchor"]) == ("shop", "pixel", "bottom-right")
        other = create(
            idle, "agency", mine, rectangles=[{"x": 0, "y": 0.5, "width": 1, "height": 0.5}], unit="fraction"
        )
        for key in (made["id"], "shop"):
            assert idle.client.get(f"{PRESETS}/{key}", headers=mine).json() == made
        assert idle.client.get(PRESETS, headers=mine).json() == {"presets": [other, made]}
        assert idle.client.delete(f"{PRESETS}/shop", headers=mine).status_code == 204
        problem(idle.client.get(f"{PRESETS}/{made['id']}", headers=mine), 404, "preset_not_found")
        problem(idle.client.delete(f"{PRESETS}/shop", headers=mine), 404, "preset_not_found")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"name": "x"}, "field_invalid"),
            ({**REGION}, "field_invalid"),
            ({"name": "x", **REGION, "colour": "red"}, "field_invalid"),
            ({"name": "x", **REGION, "anchor": "middle"}, "field_invalid"),
            ({"name": "x", **REGION, "unit": "mile"}, "field_invalid"),
            ({"name": "x", "rectangles": [[1, 2, 3, 4]]}, "region_invalid"),
            ({"name": "x", "rectangles": []}, "region_invalid"),
            ({"name": "x" * 101, **REGION}, "name_invalid"),
        ],
    )
    def test_what_is_wrong_is_named(self, idle, fields, code):
        problem(idle.client.post(PRESETS, json=fields), 400, code)

    def test_a_name_is_used_once_in_an_account(self, idle):
        create(idle, "once")
        problem(idle.client.post(PRESETS, json={"name": "once", **REGION}), 409, "preset_exists")
        create(idle, "once", own(idle, "another"))

    def test_no_more_than_allowed(self, house):
        small = house(account=settings.Account(max_presets=1))
        create(small, "a")
        problem(small.client.post(PRESETS, json={"name": "b", **REGION}), 409, "preset_too_many")

    def test_they_are_nobody_elses(self, idle):
        made = create(idle, "private")
        other = own(idle, "curious")
        problem(idle.client.get(f"{PRESETS}/{made['id']}", headers=other), 404, "preset_not_found")
        problem(idle.client.delete(f"{PRESETS}/private", headers=other), 404, "preset_not_found")
        answer = idle.client.post("/v1/removals", json={"url": URL, "preset": made["id"]}, headers=other)
        assert "preset" in problem(answer, 400, "field_invalid")


class TestUsing:
    @pytest.mark.parametrize(("path", "source"), SUBMITS)
    def test_by_id_or_name_in_every_dialect(self, idle, path, source):
        made = create(idle, f"for {path}")
        for key in (made["id"], made["name"]):
            answer = idle.client.post(path, json={source: URL, "preset": key})
            request = idle.task(task_id_of(answer)).request
            assert request.region.rectangles == ((34, 28, 20, 12),)
            assert (request.region.anchor, request.preset) == ("bottom-right", made["name"])

    @pytest.mark.parametrize(("path", "source"), SUBMITS)
    def test_one_that_is_not_there_is_refused_and_costs_nothing(self, idle, path, source):
        mine = own(idle, "mistaken")
        answer = idle.client.post(path, json={source: URL, "preset": "no such"}, headers=mine)
        assert answer.status_code == 400
        assert "preset" in answer.text
        assert idle.client.get("/v1/account", headers=mine).json()["usage"] == 0

    def test_not_beside_another_area(self, idle):
        create(idle, "alone")
        fields = {"url": URL, "preset": "alone", "rectangles": REGION["rectangles"]}
        problem(idle.client.post("/v1/removals", json=fields), 400, "region_repeated")

    def test_the_picture_is_cleaned_there(self, server, pictures):
        create(
            server, "stamp", rectangles=[{"x": 34, "y": 28, "width": 20, "height": 12}], anchor="bottom-right"
        )
        upload = {"file": ("p.png", pictures.photo, "image/png")}
        fields = {"preset": "stamp", "mode": "fill", "sync": "1"}
        body = server.client.post("/v1/removals", files=upload, data=fields).json()
        assert (body["preset"], body["result"]["box"]) == ("stamp", list(pictures.stamp))
        assert pictures.is_clean(httpx2.get(body["result"]["url"]).content)
