"""The options of `cleanplate remove`, one type each, so that its signature can be read at a glance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Inputs: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="IN", help="Pictures, folders, quoted patterns, or - for standard input."),
]
Out: TypeAlias = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="Where the answer goes: a file (its ending names the format), a folder, or - (standard output).",
    ),
]
Rectangle: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rectangle",
        metavar="X,Y,W,H",
        help="Where the mark is, from the top left: in pixels, or in parts of the picture as "
        "5%,80%,20%,10% or 0.05,0.8,0.2,0.1. Repeat it for more. Without any region the mark is looked for.",
    ),
]
Preset: TypeAlias = Annotated[
    str | None,
    typer.Option("--preset", help="Where the mark is, by the name of a preset: see `cleanplate preset`."),
]
Account: TypeAlias = Annotated[str, typer.Option("--account", help="Whose preset it is.")]
Mask: TypeAlias = Annotated[
    Path | None,
    typer.Option("--mask", help="A picture that is white where the mark is, or a folder of them."),
]
Smear: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--smear",
        help="A picture with strokes of any colour but black and white, or a folder of them.",
    ),
]
Mode: TypeAlias = Annotated[
    Literal["auto", "undo", "fill"],
    typer.Option("--mode", help="auto; undo only what is see-through; or fill the whole region."),
]
Sensitivity: TypeAlias = Annotated[
    float,
    typer.Option(
        "--sensitivity",
        help="How readily something is taken for a watermark, from 0 (only what is certain) to 1 (also what "
        "is faint; more may be taken that belongs to the photo).",
    ),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME_OR_PATH",
        help="The network that paints: a name from `cleanplate models list`, or the path of an ONNX file; "
        "otherwise CLEANPLATE_MODELS__MODEL, or the one that comes with the package.",
    ),
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option("--format", help="Format of the answer, such as png or webp; otherwise the picture's own."),
]
Quality: TypeAlias = Annotated[
    int | None,
    typer.Option("--quality", min=95, max=100, help="Quality of JPEG, WebP and AVIF; otherwise 95."),
]
Found: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--found", help="Also write what was removed as a black and white mask: a file, or a folder."
    ),
]
FoundJson: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--found-json",
        help="Also write the marks that were found (box, kind, opacity, colour, confidence): "
        "a file, or a folder.",
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object a line for each picture, on standard output.")
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Pictures cleaned side by side; otherwise one a processor."),
]
NoHistory: TypeAlias = Annotated[
    bool, typer.Option("--no-history", help="Add no entry to the picture's XMP edit history.")
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace answers that are there already.")
]
