"""Where a request says that the mark is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.errors import FieldInvalid, RegionRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.region import Rectangles
from cleanplate.task import AskedRegion

if TYPE_CHECKING:
    from cleanplate.http.form import Form
    from cleanplate.region.rectangles import Anchor, Unit

RECTANGLES = "rectangles"


def area_of(
    form: Form,
    names: tuple[str, ...],
    max_rectangles: int,
    unit: Unit = "pixel",
    anchor: Anchor = "top-left",
) -> tuple[AskedRegion | None, bytes | str | None]:
    """Read the one area that a request gives: the region, and its picture's bytes or URL.

    Args:
        form: the request.
        names: the fields of which one at most may be there: `rectangles`, and `<kind>_file` or `<kind>_url`
            for each kind of picture, "mask" or "smear".
        max_rectangles: most rectangles accepted.
        unit: of rectangles.
        anchor: the corner from which rectangles count.

    Raises:
        RegionRepeated: more than one is there.
        RegionInvalid, RegionTooMany: rectangles that are not.
        FieldInvalid: another field is not what it must be.
    """
    sent = form.sent(*names)
    if len(sent) > 1:
        raise RegionRepeated(f"{' and '.join(sent)} exclude each other: send one of them.")
    if not sent:
        return None, None
    [name] = sent
    if name == RECTANGLES:
        return AskedRegion.of(rectangles_of(form, max_rectangles, unit, anchor)), None
    kind = "mask" if name.startswith("mask") else "smear"
    picture = form.file(name) if name.endswith("_file") else form.text(name, WHOLE_BODY)
    return AskedRegion(kind), picture


def rectangles_of(form: Form, max_count: int, unit: Unit, anchor: Anchor) -> Rectangles:
    """Read a request's rectangles.

    Raises:
        RegionInvalid, RegionTooMany: they are none, or too many.
        FieldInvalid: there are none.
    """
    value = form.value(RECTANGLES)
    if not isinstance(value, list):
        value = form.text(RECTANGLES)
    if value is None:
        raise FieldInvalid("rectangles must be a JSON list.")
    return Rectangles.parse(value, max_count=max_count, unit=unit, anchor=anchor)
