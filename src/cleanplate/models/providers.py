"""What a network runs on: the processor, or what a differently built ONNX Runtime offers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from cleanplate.models.errors import ProviderMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

Provider = Literal["auto", "cpu", "cuda", "openvino"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

CPU = "CPUExecutionProvider"
RUNTIME_NAMES: dict[Provider, str] = {
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": CPU,
}
BEST_FIRST: tuple[Provider, ...] = ("cuda", "openvino", "cpu")
PACKAGES: dict[Provider, str] = {
    "cuda": "onnxruntime-gpu",
    "openvino": "onnxruntime-openvino",
    "cpu": "onnxruntime",
}


def preferred(wish: Provider, available: Sequence[str]) -> list[str]:
    """What to try, best first, in ONNX Runtime's names; the processor is always the last.

    Args:
        wish: "auto" takes the best that there is.
        available: what the installed runtime was built with.

    Raises:
        ProviderMissing: it was not built with what is wished for, or there is no such provider.
    """
    if wish not in PROVIDERS:
        raise ProviderMissing(f"There is no provider {wish!r}: use {', '.join(PROVIDERS)}.")
    if wish == "auto":
        return [RUNTIME_NAMES[each] for each in BEST_FIRST if RUNTIME_NAMES[each] in available]
    if RUNTIME_NAMES[wish] not in available:
        raise ProviderMissing(
            f"The installed ONNX Runtime cannot run on {wish}: put the package {PACKAGES[wish]} in place of "
            "the one that is installed (`cleanplate doctor` names it), or set CLEANPLATE_MODELS__PROVIDER "
            "to auto.",
            detail=f"available: {', '.join(available)}",
        )
    return [RUNTIME_NAMES[wish]] if wish == "cpu" else [RUNTIME_NAMES[wish], CPU]
