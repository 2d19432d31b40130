"""Adding checkpoints: what is taken, what is refused, and what the messages say."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1, fixed_image_standardization
from safetensors.torch import save_file

from xssab_core.errors import ModelError, WeightsError
from xssab_core.models import MODELS, load_model, verify_model
from xssab_core.models.adding import add_checkpoint, template_for
from xssab_core.models.base import TorchFaceModel
from xssab_core.models.entries import ToAddEntry
from xssab_core.models.registry import entry_of
from xssab_core.models.store import UrlSource, WeightsFile
from xssab_core.models.zoo.iresnet import IResNet

Run = Callable[..., tuple[int, str, str]]
CROPS = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """A state dict as the authors of ArcFace would publish one."""
    torch.manual_seed(0)
    return IResNet(18).state_dict()


@pytest.fixture(scope="module")
def expected(published: dict[str, torch.Tensor]) -> np.ndarray:
    network = IResNet(18).eval()
    network.load_state_dict(published)
    images = torch.from_numpy(CROPS).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        raw = network.head(network.grid(images)).numpy()
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def _plain(state: dict[str, torch.Tensor]) -> Any:
    return state


def _prefixed(state: dict[str, torch.Tensor]) -> Any:
    return {f"module.{key}": value for key, value in state.items()}


def _wrapped(state: dict[str, torch.Tensor]) -> Any:
    return {"epoch": 25, "best": 0.998, "state_dict": _prefixed(state), "optimizer": {"lr": 0.1}}


def _lightning(state: dict[str, torch.Tensor]) -> Any:
    inner = {f"model.{key}": value for key, value in state.items()} | {"head.kernel": torch.zeros(512, 10)}
    return {"epoch": 3, "pytorch-lightning_version": "2.4.0", "state_dict": inner, "callbacks": {"stop": {"wait": 1}}}


def _resumed(state: dict[str, torch.Tensor]) -> Any:
    """As `train_v2.py` of arcface_torch writes it."""
    return {
        "epoch": 20,
        "global_step": 90_000,
        "state_dict_backbone": state,
        "state_dict_softmax_fc": {"weight": torch.zeros(10, 512)},
        "state_optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
    }


def _deep(state: dict[str, torch.Tensor]) -> Any:
    return {"student": {"net": {f"trunk.module.{key}": value for key, value in state.items()}}}


@pytest.mark.parametrize("form", [_plain, _prefixed, _wrapped, _lightning, _resumed, _deep])
@pytest.mark.slow
def test_a_checkpoint_is_added_whatever_it_is_wrapped_in(
    form: Callable[[dict[str, torch.Tensor]], Any],
    published: dict[str, torch.Tensor],
    expected: np.ndarray,
    store: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(form(published), file)
    code, out, err = run("models", "add", "--id", "mine", "--architecture", "iresnet18", "--weights", file)
    assert (code, err) == (0, "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"mine: added, 512 numbers a face, sha256 {digest}" in out
    file.unlink()
    model = load_model("mine", "cpu")
    assert model.weights_sha256 == digest
    np.testing.assert_allclose(model.embed(CROPS), expected, atol=1e-6)
    assert "mine" in MODELS
    assert "mine" in run("models", "list")[1]
    assert run("models", "verify", "mine")[1] == f"mine: as added, sha256 {digest}\n"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (_plain, ""),
        (_lightning, "state_dict.model; left out: epoch, pytorch-lightning_version, state_dict.head, callbacks"),
        (_resumed, "state_dict_backbone; left out: epoch, global_step, state_dict_softmax_fc, state_optimizer"),
    ],
)
def test_what_is_left_out_of_a_training_file_is_named(
    form: Callable[[dict[str, torch.Tensor]], Any],
    told: str,
    published: dict[str, torch.Tensor],
    store: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    torch.save(form(published), tmp_path / "resume.pth")
    _, out, _ = run(
        "models", "add", "--id", "mine", "--architecture", "iresnet18", "--weights", tmp_path / "resume.pth"
    )
    assert ("left out" in out) == bool(told)
    assert told in out


def test_two_networks_that_fit_are_not_chosen_between(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path
) -> None:
    torch.save({"student": published, "teacher": published}, tmp_path / "both.pth")
    with pytest.raises(WeightsError, match=r"both\.pth holds 2 networks that fit, at student and teacher\. Save"):
        add_checkpoint("mine", tmp_path / "both.pth", "iresnet18")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("everywhere", [True, False])
def test_weights_that_are_not_finite_are_refused(
    bad: float, everywhere: bool, published: dict[str, torch.Tensor], store: Path, tmp_path: Path
) -> None:
    state = {key: value.clone() for key, value in published.items()}
    for value in list(state.values()) if everywhere else [state["layer4.1.bn2.bias"]]:
        if value.is_floating_point():
            value.view(-1)[: None if everywhere else 1] = bad
    torch.save(state, tmp_path / "backbone.pth")
    key = "conv1.weight" if everywhere else "layer4.1.bn2.bias"
    with pytest.raises(WeightsError, match=rf"backbone\.pth holds numbers in {key} that are not finite"):
        add_checkpoint("mine", tmp_path / "backbone.pth", "iresnet18")
    assert "mine" not in MODELS


@pytest.mark.parametrize(
    ("zeroed", "problem"), [("", "nothing but zeros"), ("conv1.weight", "every picture the same embedding")]
)
def test_weights_that_cannot_tell_pictures_apart_are_refused(
    zeroed: str, problem: str, published: dict[str, torch.Tensor], store: Path, tmp_path: Path
) -> None:
    state = {key: torch.zeros_like(value) if key.startswith(zeroed) else value for key, value in published.items()}
    torch.save(state, tmp_path / "backbone.pth")
    with pytest.raises(WeightsError, match=rf"With the weights in backbone\.pth the network gives {problem}"):
        add_checkpoint("mine", tmp_path / "backbone.pth", "iresnet18")


def test_safetensors_and_half_precision_are_taken(
    published: dict[str, torch.Tensor], expected: np.ndarray, store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backbone.safetensors"
    save_file({key: value.half() if value.is_floating_point() else value for key, value in published.items()}, file)
    add_checkpoint("mine", file, "iresnet18")
    model = load_model("mine", "cpu")
    assert isinstance(model, TorchFaceModel)
    assert model.dtype == torch.float32
    np.testing.assert_allclose(model.embed(CROPS), expected, atol=2e-2)


def test_the_first_mismatch_is_named_and_the_architecture_guessed(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(_wrapped(published), file)
    code, _, err = run("models", "add", "--id", "mine", "--architecture", "iresnet50", "--weights", file)
    assert code == 2
    assert err == (
        "xssab: backbone.pth does not fit iresnet50: layer1.2.bn1.weight is missing. "
        "It looks like iresnet18. Say what it is with --architecture iresnet18.\n"
    )
    code, _, err = run("models", "add", "--id", "curricularface", "--weights", file)
    assert (code, "input_layer.0.weight is missing. It looks like iresnet18" in err) == (2, True)
    assert "mine" not in MODELS


def test_a_wrong_shape_and_a_stranger_are_named(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save({**published, "fc.weight": torch.zeros(256, 25088)}, file)
    with pytest.raises(WeightsError, match=r"fc\.weight has the shape \(256, 25088\), not \(512, 25088\)"):
        add_checkpoint("mine", file, "iresnet18")
    torch.save({**published, "head.weight": torch.zeros(3)}, file)
    with pytest.raises(WeightsError, match=r"head\.weight is not part of it\. It is nearly that"):
        add_checkpoint("mine", file, "iresnet18")
    torch.save({"encoder.weight": torch.zeros(3)}, file)
    with pytest.raises(WeightsError, match=r"It is none of iresnet18, .*export it to ONNX"):
        add_checkpoint("mine", file, "iresnet18")


def test_counters_of_old_torch_versions_may_be_missing(
    published: dict[str, torch.Tensor], expected: np.ndarray, store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save({key: value for key, value in published.items() if not key.endswith("num_batches_tracked")}, file)
    add_checkpoint("mine", file, "iresnet18")
    np.testing.assert_allclose(load_model("mine", "cpu").embed(CROPS), expected, atol=1e-6)


def test_the_classifier_that_facenet_carries_along_is_left_out(store: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    file = tmp_path / "facenet.pt"
    torch.save(InceptionResnetV1(classify=True, num_classes=7).state_dict(), file)
    card = add_checkpoint("facenet-vggface2", file)
    assert card.settings["left_out"] == ["logits"]
    assert card.info.training_set.startswith("VGGFace2")
    assert entry_of("facenet-vggface2").is_fetched
    verify_model("facenet-vggface2")


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("code-was-run",)


def test_a_pickle_with_code_is_refused_and_not_run(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, save in (("new.pth", torch.save), ("old.pth", _pickle)):
        save({**published, "hook": _Code()}, tmp_path / name)
        with pytest.raises(WeightsError, match=f"{name} holds more than tensors: .*refused"):
            add_checkpoint("mine", tmp_path / name, "iresnet18")
    assert not (tmp_path / "code-was-run").exists()


def _pickle(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps({"hook": value["hook"]}))


def test_whole_networks_texts_and_scripts_are_refused(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "network.pth"
    torch.save(torch.nn.Linear(2, 2), file)
    with pytest.raises(WeightsError, match="holds more than tensors"):
        add_checkpoint("mine", file, "iresnet18")
    torch.save({"epoch": 3, "name": "resnet"}, file)
    with pytest.raises(WeightsError, match="holds no tensor"):
        add_checkpoint("mine", file, "iresnet18")
    torch.save([torch.zeros(2)], file)
    with pytest.raises(WeightsError, match="holds a list, not a state dict"):
        add_checkpoint("mine", file, "iresnet18")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), file)
    with pytest.raises(WeightsError, match="TorchScript"):
        add_checkpoint("mine", file, "iresnet18")


@pytest.mark.parametrize("name", ["backbone.pth", "backbone.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"PK\x03\x04 damaged", b"\x80\x02damaged"])
def test_garbage_is_named_as_such(name: str, content: bytes, store: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"{name} is not a checkpoint, or a damaged one"):
        add_checkpoint("mine", tmp_path / name, "iresnet18")


def test_a_web_page_is_named_as_such(store: Path, tmp_path: Path) -> None:
    (tmp_path / "backbone.pth").write_text("<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>")
    with pytest.raises(WeightsError, match=r"backbone\.pth is a web page"):
        add_checkpoint("mine", tmp_path / "backbone.pth", "iresnet18")


def test_a_digest_the_user_knows_is_checked(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(published, file)
    given = ("models", "add", "--id", "mine", "--architecture", "iresnet18", "--weights", file, "--sha256")
    assert "has the sha256" in run(*given, "0" * 64)[2]
    assert run(*given, hashlib.sha256(file.read_bytes()).hexdigest().upper())[0] == 0


@pytest.mark.slow
def test_ids_are_kept_apart(published: dict[str, torch.Tensor], store: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(published, file)
    given = ("models", "add", "--architecture", "iresnet18", "--weights", file, "--id")
    assert run(*given, "mine")[0] == 0
    assert (
        "mine is there already. Choose another id, or replace it. To replace it, add --replace."
        in run(*given, "mine")[2]
    )
    assert run(*given, "mine", "--replace")[0] == 0
    assert "sface is the id of a model that ships" in run(*given, "sface")[2]
    assert "arcface is iresnet100. Choose another id" in run(*given, "arcface")[2]
    for bad in ("../evil", "Mine", "", "a/b", ".hidden"):
        assert "cannot be the id of a model" in run(*given, bad)[2]
    assert run("models", "remove", "mine")[0] == 0
    assert "mine" not in MODELS
    assert "Nothing was added under the id 'mine'" in run("models", "remove", "mine")[2]


def test_what_a_user_says_about_a_model_is_shown(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(published, file)
    run(
        "models", "add", "--id", "mine", "--architecture", "iresnet18", "--weights", file,
        "--title", "Our ArcFace", "--training-set", "MS1MV3", "--licence", "internal", "--loss", "ArcFace",
    )  # fmt: skip
    info = entry_of("mine").info
    assert (info.title, info.training_set, info.licence, info.loss) == ("Our ArcFace", "MS1MV3", "internal", "ArcFace")
    assert info.source == "added by the user from backbone.pth"


def test_damage_in_the_store_is_noticed(
    published: dict[str, torch.Tensor], store: Path, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "backbone.pth"
    torch.save(published, file)
    add_checkpoint("mine", file, "iresnet18")
    stored = store / "models" / "mine" / "weights.safetensors"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    with pytest.raises(WeightsError, match="the stored weights are missing or damaged"):
        load_model("mine", "cpu")
    card = stored.with_name("card.json")
    record = json.loads(card.read_text())
    card.write_text(card.read_text()[:100])
    assert "mine" not in list(MODELS)
    assert "The card of mine cannot be read" in run("models", "verify", "mine")[2]
    assert run("models", "list")[0] == 0
    card.write_text(json.dumps(record | {"format": 99}))
    assert "another version of the program wrote it" in run("models", "verify", "mine")[2]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which a server on this machine offers its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_weights_are_added_from_an_address(
    published: dict[str, torch.Tensor], served: tuple[Path, str], store: Path, run: Run
) -> None:
    folder, address = served
    torch.save(published, folder / "backbone.pth")
    given = ("models", "add", "--id", "mine", "--architecture", "iresnet18", "--weights")
    assert "HTTP 404" in run(*given, f"{address}/absent.pth")[2]
    assert run(*given, f"{address}/backbone.pth?download=1")[0] == 0
    assert entry_of("mine").weights.sha256 == hashlib.sha256((folder / "backbone.pth").read_bytes()).hexdigest()
    assert sorted(p.name for p in (store / "models" / "mine").glob("*.*")) == [
        ".lock", "card.json", "weights.safetensors",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_facenet_is_fetched_checked_and_remembered(served: tuple[Path, str], store: Path) -> None:
    folder, address = served
    entry = entry_of("facenet-casia")
    assert isinstance(entry, ToAddEntry)
    assert entry.weights.sources[0] == UrlSource(
        "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180408-102900-casia-webface.pt"
    )
    here = replace(entry, weights=WeightsFile("facenet.pt", "", (UrlSource(f"{address}/facenet.pt"),)))
    (folder / "facenet.pt").write_bytes(b"garbage")
    with pytest.raises(WeightsError, match="not a checkpoint"):
        here.fetch()
    assert not entry_of("facenet-casia").is_fetched
    torch.manual_seed(0)
    state = InceptionResnetV1(classify=True, num_classes=7).state_dict()
    torch.save(state, folder / "facenet.pt")
    here.fetch()
    model = load_model("facenet-casia", "cpu")
    assert model.weights_sha256 == hashlib.sha256((folder / "facenet.pt").read_bytes()).hexdigest()
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
    original = InceptionResnetV1(classify=False, num_classes=7).eval()
    original.load_state_dict({key: value for key, value in state.items() if not key.startswith("logits")}, strict=False)
    with torch.inference_mode():
        expected = original(fixed_image_standardization(torch.from_numpy(crops).permute(0, 3, 1, 2).float()))
    np.testing.assert_allclose(model.embed(crops), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("model_id", ["arcface", "elasticface-arc", "elasticface-cos", "curricularface"])
def test_the_papers_models_say_how_to_get_their_weights(model_id: str, store: Path, run: Run) -> None:
    assert not MODELS[model_id].is_fetched
    code, _, err = run("models", "fetch", model_id)
    assert code == 2
    assert "github.com/" in err
    assert f"models add --id {model_id} --weights FILE" in err


def test_unknown_names_are_answered_with_the_known_ones(store: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no architecture 'resnet'.*iresnet100"):
        add_checkpoint("mine", tmp_path / "x.pth", "resnet")
    with pytest.raises(ModelError, match="The architecture of mine is not said"):
        add_checkpoint("mine", tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="is not a file"):
        add_checkpoint("mine", tmp_path / "absent.pth", "iresnet18")
    with pytest.raises(ModelError, match=r"no model 'nobody'\. Known models: sface, dlib"):
        entry_of("nobody")


def test_a_template_of_another_size_keeps_every_point_at_its_place_in_the_picture() -> None:
    template = template_for(224)
    assert (template.size, template.name) == (224, "arcface-224")
    # The corner of the picture is at -0.5: twice the size doubles the distance to it.
    assert template.points[0][0] + 0.5 == pytest.approx(2 * (38.2946 + 0.5))
    assert template_for(112) is template_for(None)
