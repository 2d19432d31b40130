"""What is done before the first visitor comes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

WARM = """
import asyncio, gc, json, sys, threading
gc.disable()  # as app.py does
from ui.warm import warm_up

async def serve():
    async with warm_up(None):
        for thread in threading.enumerate():
            if thread.name == "warm-up":
                await asyncio.to_thread(thread.join)

asyncio.run(serve())
from ui.compare_view import SHOWN_FIRST
from ui.pair_picker import first_pair
from ui.state import engine
from xssab_core.models import MODELS
here = MODELS["sface"].is_fetched
print(json.dumps({
    "here": here,
    "examined": here
    and all(engine().is_examined(engine().model("sface"), first_pair(), method) for method in SHOWN_FIRST),
    "imported": "ui.benchmark_view" in sys.modules,
    "walked": len(gc.get_objects()),
    "collects": gc.isenabled(),
    "imported_for_later": sorted({"scipy.stats", "scipy.optimize", "sklearn", "fpdf"} & set(sys.modules)),
}))
"""


def _warmed(**variables: str) -> dict[str, Any]:
    environment = os.environ | variables
    ran = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, check=True, env=environment)
    return json.loads(ran.stdout)


@pytest.mark.slow
def test_nothing_is_fetched_before_somebody_asks(tmp_path) -> None:
    told = _warmed(XSSAB_HOME=str(tmp_path))
    assert told["imported"]
    assert not told["here"]


@pytest.mark.slow
def test_the_first_visitor_waits_for_nothing_and_no_run_walks_through_the_imported_packages(sface) -> None:
    told = _warmed()
    assert told["examined"]
    assert told["imported"]
    assert told["walked"] < 20_000  # 480,000 before
    assert told["collects"]
    assert told["imported_for_later"] == []
