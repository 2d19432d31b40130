"""What is done before the first visitor comes, so that nobody waits for imports and models."""

from __future__ import annotations

import gc
import importlib
import logging
import pkgutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

import ui
from xssab_core.device import Urgency, with_urgency
from xssab_core.errors import XssabError
from xssab_core.faces import Pair
from xssab_core.faces.detect import load_detector
from xssab_core.models import FaceModel, TorchFaceModel
from xssab_core.trust.checks import SEED
from xssab_core.trust.randomised import randomised_copy

_FIRST_PAGE_SECONDS = 1.0
# Sample photographs need no detector, so it comes last; who uploads one before that loads it.
_DETECTOR_SECONDS = 30.0


@asynccontextmanager
async def warm_up(_: Any) -> AsyncIterator[None]:
    """Around the server's life: begins with its start and holds up nobody. Garbage is collected from when all is
    imported that a page needs: until then it would be looked for in ever more that stays, 0.5 s of 2.7 in all."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    detector = threading.Timer(_DETECTOR_SECONDS, _prepare_uploads)
    detector.daemon = True
    detector.start()
    yield


def _warm_up() -> None:
    try:
        for module in pkgutil.iter_modules(ui.__path__):
            importlib.import_module(f"ui.{module.name}")
    finally:
        gc.freeze()
        gc.enable()
    explained = _first_pair()
    # Who opened the app as it started waits for the first page now, and not for what follows.
    time.sleep(_FIRST_PAGE_SECONDS)
    if explained is not None:
        with with_urgency(Urgency.UNASKED):
            _prepare(*explained)
    _stay()


def _prepare_uploads() -> None:
    load_detector()
    _stay()


def _prepare(model: FaceModel, pair: Pair) -> None:
    """What the page does of itself once its maps are there is quick then."""
    if isinstance(model, TorchFaceModel):
        model.fold(np.stack(pair.crops_for(model.info.template)))
        randomised_copy(model, SEED)


def _stay() -> None:
    """What there is now stays. Streamlit collects garbage after every run of a page, which walks through all that the
    imported packages hold and stops every thread meanwhile: 0.2 s on an idle machine."""
    gc.collect()
    gc.freeze()


def _first_pair() -> tuple[FaceModel, Pair] | None:
    """Explain the pair that the app opens with by what is shown of it first; what was explained. Nothing is fetched:
    nobody asked."""
    from ui.compare_view import SHOWN_FIRST, is_at_once
    from ui.pair_picker import first_pair
    from ui.sidebar import models_here
    from ui.state import engine
    from xssab_core.explain import METHODS
    from xssab_core.models import MODELS

    first = models_here()[0]
    if not MODELS[first].is_fetched:
        return None
    try:
        model, pair = engine().model(first), first_pair()
        for method_id in SHOWN_FIRST:
            if is_at_once(model, pair, METHODS[method_id]):
                engine().explain(model, pair, method_id)
    except XssabError as error:  # the page will say so
        logging.getLogger("xssab").warning("%s", error)
        return None
    return model, pair
