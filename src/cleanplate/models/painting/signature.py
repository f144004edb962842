"""Which kind of painting network an ONNX file is, told by its inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cleanplate.models.errors import ModelNotUnderstood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleanplate.models.session import Port

Kind = Literal["cleanplate", "migan", "lama"]

FLOAT, BYTE = "tensor(float)", "tensor(uint8)"
UNDERSTOOD = (
    "understood are: inputs picture (N,3,H,W) and hole (N,1,H,W), float32 in 0..1, 1 = hole, sides any "
    "multiple of 32 (cleanplate's own); image (1,3,H,W) and mask (1,1,H,W), uint8 of any size, 0 = hole "
    "(MI-GAN's pipeline); image (1,3,S,S) in 0..1 and mask (1,1,S,S), float32 of one fixed size, 1 = hole, "
    "output in 0..255 (LaMa)"
)


def recognised(inputs: Sequence[Port], outputs: Sequence[Port]) -> Kind:
    """The kind of network that has these inputs and outputs.

    Raises:
        ModelNotUnderstood: none that paints.
    """
    named = {port.name: port for port in inputs}
    answer = outputs[0] if outputs else None
    if answer is not None and len(answer.sides) in (0, 4):  # exporters lose the rank of some outputs
        if _takes(named, "picture", "hole", FLOAT) and answer.type == FLOAT and not _fixed(named["picture"]):
            return "cleanplate"
        if _takes(named, "image", "mask", BYTE) and answer.type == BYTE:
            return "migan"
        if _takes(named, "image", "mask", FLOAT) and answer.type == FLOAT and side(named["image"]):
            return "lama"
    raise ModelNotUnderstood(
        f"The ONNX file is no network that paints as cleanplate understands it; {UNDERSTOOD}. "
        f"This one: {_described(inputs)} → {_described(outputs)}."
    )


def side(port: Port) -> int | None:
    """The side of a square input of one fixed size; None of any other."""
    height, width = port.sides[2:]
    return height if height == width else None


def _takes(named: dict[str, Port], picture: str, hole: str, kind: str) -> bool:
    """Whether these two are all the inputs, of this type, with three channels and one."""
    return (
        named.keys() == {picture, hole}
        and all(port.type == kind and len(port.sides) == 4 for port in named.values())
        and named[picture].sides[0] in (None, 1)
        and named[picture].sides[1] in (None, 3)
        and named[hole].sides[1] in (None, 1)
        and named[picture].sides[2:] == named[hole].sides[2:]
    )


def _fixed(port: Port) -> bool:
    return any(length is not None for length in port.sides[2:])


def _described(ports: Sequence[Port]) -> str:
    words: list[str] = []
    for port in ports:
        sides = ",".join("?" if length is None else str(length) for length in port.sides)
        words.append(f"{port.name} {port.type}({sides})")
    return ", ".join(words) or "nothing"
