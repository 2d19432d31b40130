"""Who does the tasks: this process, or the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from xssab_core.errors import DataError, XssabError
from xssab_core.progress import Pulse

# A task whose worker died goes to another one; after so many deaths it is the task that kills.
_DEATHS_ALLOWED = 5
# Tasks handed out ahead for each worker: enough to keep it busy, few enough to keep memory flat.
_AHEAD = 4


TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
_ResultT = TypeVar("_ResultT", covariant=True)


class Executor(Protocol[TaskT, _ResultT]):
    """Does tasks in any order; what it returns does not depend on who did them."""

    def run(self, tasks: Iterable[TaskT]) -> Iterator[tuple[TaskT, _ResultT]]: ...


class Here(Generic[TaskT, ResultT]):
    """Tasks one after another in this process.

    Args:
        perform: does a task; it calls the pulse now and then.
        pulse: called often; may raise CancelledError.
    """

    def __init__(self, perform: Callable[[TaskT, Pulse], ResultT], pulse: Pulse) -> None:
        self._perform, self._pulse = perform, pulse

    def run(self, tasks: Iterable[TaskT]) -> Iterator[tuple[TaskT, ResultT]]:
        for task in tasks:
            self._pulse()
            yield task, self._perform(task, self._pulse)


class Cluster(Generic[TaskT, ResultT]):
    """Tasks on the workers of a Dask cluster, each of which holds one model.

    Workers need this package, the photographs and the store (XSSAB_HOME) at the same paths. Results come back to this
    process, which alone writes to the output folder.
    """

    def __init__(self, client: Any, perform: Callable[[TaskT], ResultT], pulse: Pulse) -> None:
        self._client, self._perform, self._pulse = client, perform, pulse

    def run(self, tasks: Iterable[TaskT]) -> Iterator[tuple[TaskT, ResultT]]:
        waiting = iter(tasks)
        workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        given: dict[str, TaskT] = {}
        done = _distributed().as_completed()

        def submit(task: TaskT) -> None:
            future = self._client.submit(self._perform, task, pure=False, retries=_DEATHS_ALLOWED)
            given[future.key] = task
            done.add(future)

        for task in islice(waiting, _AHEAD * workers):
            submit(task)
        for future in done:
            self._pulse()
            task = given.pop(future.key)
            result: ResultT = _result_of(future)
            future.release()
            yield task, result
            for following in islice(waiting, 1):
                submit(following)


@contextlib.contextmanager
def executor(
    cluster: str | None, here: Callable[[TaskT, Pulse], ResultT], there: Callable[[TaskT], ResultT], pulse: Pulse
) -> Iterator[Executor[TaskT, ResultT]]:
    """The executor for `--cluster`: None for this process, "local:N" for N processes here, else a scheduler's address.

    Args:
        cluster: see above.
        here: does a task in this process.
        there: does a task on a worker, to which it travels as a pickle.
        pulse: called often; may raise CancelledError.

    Raises:
        DataError: `distributed` is not installed, the text is not understood, or the scheduler does not answer.
    """
    if cluster is None:
        yield Here(here, pulse)
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
        yield Cluster(client, there, pulse)


def _distributed() -> Any:
    """The optional dependency, which comes without types."""
    return importlib.import_module("distributed")


def _result_of(future: Any) -> Any:
    try:
        return future.result()
    except XssabError:
        raise
    except Exception as error:
        raise DataError(
            f"A worker of the cluster failed: {error}. Finished work is kept; run the same command again."
        ) from error
