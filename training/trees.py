"""Bundling fitted trees with the package, as ONNX."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src/cleanplate/models/weights"


def converted(trees: GradientBoostingClassifier, count: int) -> onnx.ModelProto:
    """(N, count) float32 features in, (N, 2) probabilities of no and of yes out."""
    shape = FloatTensorType([None, count])
    graph = convert_sklearn(trees, "trees", [("features", shape)], options={"zipmap": False})
    return select_model_inputs_outputs(graph, "probabilities")


def forest(trees: HistGradientBoostingClassifier, count: int) -> onnx.ModelProto:
    """(N, count) float32 features in, (N, 1) probability of yes out.

    Of the trees' own nodes, since skl2onnx 1.20 cannot convert these of scikit-learn 1.9.
    """
    each: dict[str, list[Any]] = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, (tree,) in enumerate(trees._predictors):  # noqa: SLF001  # there is no public way to them
        for place, node in enumerate(tree.nodes):
            leaf = bool(node["is_leaf"])
            row = {
                "treeids": number,
                "nodeids": place,
                "featureids": 0 if leaf else int(node["feature_idx"]),
                "values": 0.0 if leaf else float(node["num_threshold"]),
                "modes": "LEAF" if leaf else "BRANCH_LEQ",
                "truenodeids": int(node["left"]),
                "falsenodeids": int(node["right"]),
            }
            for name, value in row.items():
                each[name].append(value)
            if leaf:
                for name, value in zip(leaves, (number, place, 0, float(node["value"])), strict=True):
                    leaves[name].append(value)
    attributes = {f"nodes_{name}": values for name, values in each.items()}
    attributes |= {f"target_{name}": values for name, values in leaves.items()}
    base = [float(trees._baseline_prediction.item())]  # noqa: SLF001
    graph = helper.make_graph(
        [
            helper.make_node(
                "TreeEnsembleRegressor", ["features"], ["odds"], domain="ai.onnx.ml",
                n_targets=1, base_values=base, **attributes,
            ),
            helper.make_node("Sigmoid", ["odds"], ["probability"]),
        ],
        "trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, count])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    return model


def install(model: onnx.ModelProto, name: str, task: str, source: str, **more: float) -> None:
    """Bundle trees with the package.

    Args:
        model: takes features.
        name: its catalogue entry, made where there is none; its file has the same name.
        task: which of the engine's steps it works for.
        source: what it was made from.
        more: further fields of the entry.
    """
    data = model.SerializeToString()
    catalogue = WEIGHTS / "catalogue.json"
    rows = json.loads(catalogue.read_text())
    row = next((row for row in rows if row["id"] == name), None)
    if row is None:
        row = {"id": name, "task": task, "file": f"{name}.onnx"}
        rows.append(row)
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    row |= {"licence": "Apache-2.0", "source": source, **more}
    (WEIGHTS / row["file"]).write_bytes(data)
    catalogue.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    print("installed", row["file"], len(data), "bytes")
