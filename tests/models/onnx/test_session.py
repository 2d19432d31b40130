"""ONNX Runtime keeps to itself: nothing is written outside the store, nothing is sent or looked up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xssab_core.paths import ASSETS

PACKAGE = ASSETS.parent / "xssab_core"

# Telemetry that is on looks its collector up about nine seconds after the first session.
_ADD_AND_OPEN = """
import sys, time
import numpy as np
from xssab_core.models import load_model
from xssab_core.models.adding import Input, add_onnx

card = add_onnx("mine", sys.argv[1], Input(mean=(0.0,), std=(1.0,)))
assert card.info.black_box_reason.startswith("Its ONNX file has the operator Round")
rows = load_model("mine", "cpu").embed(np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8))
assert rows.shape == (2, 8)
time.sleep(14)
"""


def _black_box(path: Path) -> Path:
    """A recogniser that ONNX Runtime runs whenever it embeds."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    weights = np.random.default_rng(0).normal(size=(3 * 112 * 112, 8)).astype(np.float32)
    nodes = [("Flatten", ["x"], ["flat"]), ("Round", ["flat"], ["whole"]), ("MatMul", ["whole", "w"], ["y"])]
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.slow
def test_adding_and_opening_a_network_writes_nothing_elsewhere_and_asks_nobody(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: what native code asks of the network cannot be seen")
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    places = {name: str(home / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= places | {"HOME": str(home), "XSSAB_HOME": str(home / "store"), "PYTHONPATH": str(PACKAGE.parent)}
    program = [sys.executable, "-c", _ADD_AND_OPEN, str(_black_box(tmp_path / "network.onnx"))]
    tracer = ["strace", "--follow-forks", "--trace=connect,sendto,sendmsg,sendmmsg", f"--output={trace}"]
    done = subprocess.run([*tracer, *program], env=environment, capture_output=True, text=True, timeout=300)
    if "ptrace" in done.stderr and "Operation not permitted" in done.stderr:
        pytest.skip("strace may not trace here: what native code asks of the network cannot be seen")
    assert done.returncode == 0, done.stderr
    written = sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    assert [path for path in written if not path.startswith("store/")] == []
    assert "store/models/mine/network.onnx" in written
    assert trace.read_text().count("+++ exited with 0 +++") >= 2, "the trial's own process was not traced"
    assert [line for line in trace.read_text().splitlines() if "AF_INET" in line] == []


def test_onnx_runtime_is_imported_where_its_telemetry_is_turned_off_and_nowhere_else() -> None:
    importing = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    files = [path for folder in ("xssab_core", "ui", "pages", "tests", "measurements")
             for path in (PACKAGE.parent / folder).rglob("*.py") if importing.search(path.read_text())]  # fmt: skip
    assert files == [PACKAGE / "models" / "onnx" / "session.py"]
