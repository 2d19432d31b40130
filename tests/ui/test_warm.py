"""What is done before the first visitor comes."""

import json
import subprocess
import sys

WARM = """
import asyncio, gc, json, sys, threading
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
model = engine().model("sface")
print(json.dumps({
    "examined": all(engine().is_examined(model, first_pair(), method) for method in SHOWN_FIRST),
    "imported": "ui.benchmark_view" in sys.modules,
    "walked": len(gc.get_objects()),
}))
"""


def test_the_first_visitor_waits_for_nothing_and_no_run_walks_through_the_imported_packages(sface) -> None:
    ran = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)
    assert told["examined"]
    assert told["imported"]
    assert told["walked"] < 20_000  # 480,000 before
