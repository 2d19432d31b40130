"""Black boxes: programs and plug-ins, and what happens when they misbehave."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xssab_core.errors import ExplainError, ModelError
from xssab_core.explain import explain
from xssab_core.faces import ARCFACE
from xssab_core.models import MODELS, load_model
from xssab_core.models.adding import add_command
from xssab_core.models.blackbox import Command
from xssab_core.models.registry import entry_of

Run = Callable[..., tuple[int, str, str]]
CROPS = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)

WELL = """
import sys, numpy as np
images = np.load(sys.argv[-2])
assert images.dtype == np.uint8 and images.shape[1:] == (112, 112, 3)
np.save(sys.argv[-1], images.reshape(len(images), -1, 3).astype(float).mean(1))
"""


def _program(tmp_path: Path, text: str) -> tuple[str, ...]:
    script = tmp_path / "vendor sdk.py"
    script.write_text(text)
    return (sys.executable, str(script))


def test_a_program_embeds_without_a_shell(store: Path, tmp_path: Path, run: Run) -> None:
    program, script = _program(tmp_path, WELL)
    command = f"{program} '{script}' '; touch {tmp_path}/injected'"
    code, out, _ = run("models", "add", "--id", "vendor", "--command", command)
    assert code == 0
    assert "vendor: added, 3 numbers a face" in out
    assert "black-box methods only. It is a program" in out
    means = CROPS.reshape(3, -1, 3).mean(1)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(load_model("vendor", "cpu").embed(CROPS), expected, atol=1e-6)
    assert not (tmp_path / "injected").exists()


def test_a_program_that_takes_bgr_gets_bgr(store: Path, tmp_path: Path) -> None:
    add_command("vendor", Command(_program(tmp_path, WELL), 60), colour_order="BGR")
    means = CROPS[..., ::-1].reshape(3, -1, 3).mean(1)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(load_model("vendor", "cpu").embed(CROPS), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys; print('licence expired', file=sys.stderr); sys.exit(3)", "exit code 3: licence expired"),
        ("pass", "wrote no embeddings.npy"),
        ("import sys; open(sys.argv[-1], 'w').write('text')", "is not an array in .npy format"),
        (
            "import sys, numpy as np; np.save(sys.argv[-1], np.array([{}], dtype=object), allow_pickle=True)",
            "is not an array in .npy format",
        ),
        (
            "import sys, numpy as np; np.save(sys.argv[-1], np.zeros((7, 3)))",
            r"answered 2 images with float64 \(7, 3\)",
        ),
    ],
)
def test_what_a_program_did_instead_is_said(text: str, says: str, store: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=says):
        add_command("vendor", Command(_program(tmp_path, text), 60))
    assert "vendor" not in MODELS


def test_a_program_that_hangs_is_given_up(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"did not answer within 0\.5 seconds"):
        Command(_program(tmp_path, "import time; time.sleep(60)"), 0.5)(CROPS)
    assert time.monotonic() - started < 20


def test_a_program_that_is_not_there_is_named(store: Path, run: Run) -> None:
    code, _, err = run("models", "add", "--id", "vendor", "--command", "no-such-program --fast")
    assert (code, "no program 'no-such-program'" in err) == (2, True)


def test_embeddings_without_direction_are_refused(store: Path, tmp_path: Path) -> None:
    text = "import sys, numpy as np; np.save(sys.argv[-1], np.zeros((len(np.load(sys.argv[-2])), 4)))"
    add_command("vendor", Command(_program(tmp_path, text), 60))
    with pytest.raises(ModelError, match="zero or not finite"):
        load_model("vendor", "cpu").embed(CROPS)


PLUGIN = """
import numpy as np
from xssab_core.faces import ARCFACE
from xssab_core.models import BlackBox, ModelInfo

def embed(images):
    if images[0, 0, 0, 0] == 255:
        raise RuntimeError("out of licences")
    return images.reshape(len(images), -1)[:, :16].astype(np.float32) + 1

def box():
    info = ModelInfo(
        id="plugged", title="Plugged", architecture="?", loss="?", training_set="?", licence="?", source="test",
        template=ARCFACE, colour_order="RGB", normalisation="-", embedding_size=16, differentiable=False,
        black_box_reason="Its vendor gives no gradients.",
    )
    return BlackBox(info, embed, "ab" * 32)

def broken():
    raise ImportError("libvendor.so is missing")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a package that offers the given entry point."""

    def install(point: str) -> None:
        (tmp_path / "vendor_plugin.py").write_text(PLUGIN)
        info = tmp_path / "vendor_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor-plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[xssab.models]\n{point}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "vendor_plugin", raising=False)

    return install


def test_a_plugin_is_a_model_like_any_other(package: Callable[[str], None], store: Path, run: Run) -> None:
    package("plugged = vendor_plugin:box")
    assert "plugged" in MODELS
    assert "Plugged" in run("models", "list")[1]
    model = load_model("plugged", "cpu")
    assert model.weights_sha256 == "ab" * 32
    crops = CROPS // 2
    raw = crops.reshape(3, -1)[:, :16].astype(np.float64) + 1
    np.testing.assert_allclose(model.embed(crops), raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    with pytest.raises(ExplainError, match=r"plugged is a black box\. Its vendor gives no gradients\."):
        explain(model, crops[0], crops[1], threshold=0.5)
    with pytest.raises(ModelError, match="plugged failed: RuntimeError: out of licences"):
        model.embed(np.full((1, 112, 112, 3), 255, np.uint8))
    with pytest.raises(ModelError, match="takes uint8 RGB crops"):
        model.embed(np.zeros((1, 90, 90, 3), np.uint8))
    assert model.info.template == ARCFACE


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ("broken = vendor_plugin:broken", "cannot be loaded: ImportError: libvendor.so is missing"),
        ("absent = no_such_module:box", "cannot be loaded: ModuleNotFoundError"),
        ("other = vendor_plugin:box", "whose id is other"),
    ],
)
def test_a_broken_plugin_is_left_out_and_explained_when_asked_for(
    package: Callable[[str], None], point: str, says: str, store: Path
) -> None:
    package(point)
    name = point.split(" ")[0]
    assert name not in list(MODELS)
    assert "sface" in list(MODELS)
    with pytest.raises(ModelError, match=says):
        entry_of(name)
