"""Every method on every model at hand, on a real pair."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest

from xssab_core import AlignedFace, load_model
from xssab_core.explain import METHODS, Evidence, Explainer, FaceMaps, crop_of, method_of
from xssab_core.explain.peers.corrrise import CorrRise
from xssab_core.explain.peers.integrated import IntegratedGradients
from xssab_core.explain.peers.minplus import MinPlus
from xssab_core.explain.peers.smoothgrad import SmoothGrad
from xssab_core.explain.xface import XFace
from xssab_core.models import DEFAULT_MODEL, MODELS, FaceModel

AVAILABLE = [model_id for model_id, entry in MODELS.items() if entry.is_fetched or model_id == DEFAULT_MODEL]
BATCH_SIZES = (8, 5)
MANY_PASSES = 100
ALL = [
    pytest.param(
        method_id,
        marks=[pytest.mark.slow] if method.info.forward_passes + method.info.backward_passes > MANY_PASSES else [],
    )
    for method_id, method in METHODS.items()
]


@cache
def loaded(model_id: str) -> FaceModel:
    return load_model(model_id)


SPARING = {
    "corrrise": CorrRise(60),
    "ig": IntegratedGradients(10),
    "minplus": MinPlus(1),
    "smoothgrad": SmoothGrad(10),
}


def sparing(method: Explainer) -> Explainer:
    """The method; with fewer passes where it has hundreds, since those through a real network show no more."""
    return XFace(method.variant, stride=28) if isinstance(method, XFace) else SPARING.get(method.info.id, method)


_evidence: dict[tuple[str, str, int], Evidence] = {}


def examined(method: Explainer, model: FaceModel, faces: list[AlignedFace], batch_size: int) -> Evidence:
    """Two independent examinations, one a batch size; methods that share evidence share it here too."""
    key = (method.evidence_kind, model.info.id, batch_size)
    if key not in _evidence:
        model = copy.copy(model)
        model.batch_size = batch_size
        _evidence[key] = method.examine(model, *(crop_of(model, face) for face in faces))
    return _evidence[key]


@pytest.mark.parametrize("model_id", AVAILABLE)
@pytest.mark.parametrize("method_id", ALL)
def test_maps_are_finite_of_the_right_shape_and_the_same_on_every_run_and_batch_size(
    method_id: str, model_id: str, samples: dict[str, AlignedFace]
) -> None:
    method, model = sparing(method_of(method_id)), loaded(model_id)
    reason = method.unavailable(model)
    if reason:
        pytest.skip(reason)
    faces = [samples["barack_obama_1"], samples["joe_biden_1"]]
    side = model.info.template.size
    runs: list[tuple[FaceMaps, FaceMaps]] = []
    # FGGB takes long; test_peers.py examines a pair twice with it.
    for batch_size in BATCH_SIZES[: 1 if method_id == "fggb" else 2]:
        evidence = examined(method, model, faces, batch_size)
        assert evidence.embeddings.shape == (2, model.info.embedding_size)
        np.testing.assert_allclose(np.linalg.norm(evidence.embeddings, axis=1), 1.0, atol=1e-5)
        assert evidence.nbytes > 0
        runs.append(method.maps(model, evidence, 0.3, blur=True))
    for face in (0, 1):
        first, second = runs[0][face].named(), runs[-1][face].named()
        assert "combined" in first
        assert first.keys() == second.keys()
        for name, values in first.items():
            assert values.dtype == np.float32
            assert values.shape == (side, side)
            assert np.isfinite(values).all()
            if name == "combined":
                assert values.max() > values.min()
            else:  # of one sign there may be nothing
                assert values.min() >= 0
            np.testing.assert_allclose(values, second[name], atol=2e-3 * np.abs(values).max(), err_msg=name)
    if method.info.joint:
        np.testing.assert_allclose(runs[0][0].combined, runs[0][1].combined)


@pytest.mark.parametrize("method_id", METHODS)
def test_a_method_says_what_it_is(method_id: str) -> None:
    info = METHODS[method_id].info
    assert info.id == method_id
    assert info.title
    assert info.reference
    assert info.forward_passes >= 2
    assert info.backward_passes == 0 or info.white_box
