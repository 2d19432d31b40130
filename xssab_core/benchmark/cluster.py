"""Who does the tasks: this process, or the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from xssab_core.benchmark.tasks import Context, Pulse, Result, Setup, Task, context_of, perform
from xssab_core.errors import DataError, XssabError

# A task whose worker died goes to another one; after so many deaths it is the task that kills.
_DEATHS_ALLOWED = 5
# Tasks handed out ahead for each worker: enough to keep it busy, few enough to keep memory flat.
_AHEAD = 4


class Executor(Protocol):
    """Does tasks in any order; what it returns does not depend on who did them."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]: ...


class Here:
    """Tasks one after another in this process.

    Args:
        context: model and generator.
        pulse: called often; may raise CancelledError.
    """

    def __init__(self, context: Context, pulse: Pulse) -> None:
        self._context, self._pulse = context, pulse

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            self._pulse()
            yield task, perform(self._context, task, self._pulse)


class Cluster:
    """Tasks on the workers of a Dask cluster, each of which holds one model.

    Workers need this package, LFW and the store (XSSAB_HOME) at the same paths. Results come back to this process,
    which alone writes to the output folder.
    """

    def __init__(self, client: Any, setup: Setup, pulse: Pulse) -> None:
        self._client, self._setup, self._pulse = client, setup, pulse

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        waiting = iter(tasks)
        workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        given: dict[str, Task] = {}
        done = _distributed().as_completed()

        def submit(task: Task) -> None:
            future = self._client.submit(_perform_remotely, self._setup, task, pure=False, retries=_DEATHS_ALLOWED)
            given[future.key] = task
            done.add(future)

        for task in islice(waiting, _AHEAD * workers):
            submit(task)
        for future in done:
            self._pulse()
            task = given.pop(future.key)
            result = _result_of(future)
            future.release()
            yield task, result
            for following in islice(waiting, 1):
                submit(following)


@contextlib.contextmanager
def executor(cluster: str | None, context: Context, pulse: Pulse) -> Iterator[Executor]:
    """The executor for `--cluster`: None for this process, "local:N" for N processes here, else a scheduler's address.

    Raises:
        DataError: `distributed` is not installed, the text is not understood, or the scheduler does not answer.
    """
    if cluster is None:
        yield Here(context, pulse)
        return
    try:
        distributed, dask = _distributed(), importlib.import_module("dask")
    except ImportError as error:
        raise DataError("A cluster needs Dask. Install it with: pip install distributed") from error
    # A killed worker is no news here: its task goes to another one.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS_ALLOWED}), contextlib.ExitStack() as stack:
        address: Any = cluster
        if cluster.startswith("local:"):
            count = cluster.removeprefix("local:")
            if not count.isdigit() or int(count) < 1:
                raise DataError(f"{cluster!r} does not say how many local workers. Write for example local:2.")
            address = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=int(count),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # Dask insists on a page of its own: seen from this machine only
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = stack.enter_context(distributed.Client(address, timeout="20s"))
        except (OSError, ValueError) as error:
            raise DataError(f"No Dask scheduler answers at {cluster}. Check the address, or use local:2.") from error
        yield Cluster(client, context.setup, pulse)


def _distributed() -> Any:
    """The optional dependency, which comes without types."""
    return importlib.import_module("distributed")


def _perform_remotely(setup: Setup, task: Task) -> Result:
    return perform(context_of(setup), task)


def _result_of(future: Any) -> Result:
    try:
        result: Result = future.result()
        return result
    except XssabError:
        raise
    except Exception as error:
        raise DataError(
            f"A worker of the cluster failed: {error}. Finished work is kept; run the same command again."
        ) from error
