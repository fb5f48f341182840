"""Jobs on the machines of a Dask cluster: what `prepare --dask ADDRESS` uses in the place of processes here.

Scheduling, transport and failing machines are Dask's. On each of its workers a job calls children of that worker, as it
would here, so that a file that crashes its reader costs itself and no worker. The workers must have the same version of
musictool, and see the same files under the same paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from functools import cache
from typing import Any, TypeVar

import musictool
from musictool.errors import BadOption, MusictoolError
from musictool.workers.processes import WAITING_TASKS, Pool, Workers

Task = TypeVar("Task")
Answer = TypeVar("Answer")

CONNECT_SECONDS = 20


class ClusterWorkers(Workers):
    """Jobs on the workers of a Dask scheduler.

    Args:
        address: of the scheduler, such as "tcp://10.0.0.1:8786".

    Raises:
        BadOption: Dask is not installed, or nobody answers there.
        MusictoolError: there is no worker, or one with another version of musictool.
    """

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise BadOption("--dask needs Dask, which is not here; try: pip install 'musictool[dask]'") from None
        _check_address(address)
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise BadOption(f"no Dask scheduler answers at {address} ({error or type(error).__name__})") from None
        threads = sum(self._client.nthreads().values())
        try:
            self._check(address, threads)
        except BaseException:
            self._client.close()
            raise
        super().__init__(threads + WAITING_TASKS)
        self._executor = self._client.get_executor(pure=False, retries=2)

    def _check(self, address: str, threads: int) -> None:
        if not threads:
            raise MusictoolError(
                f"the Dask scheduler at {address} has no workers; start some with: dask worker {address}"
            )
        for worker, version in self._client.run(_version, on_error="return").items():
            if version != musictool.__version__:
                raise MusictoolError(
                    f"the Dask worker {worker} has musictool {version}, this is {musictool.__version__}; "
                    "install the same on both"
                )

    def __enter__(self) -> ClusterWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.run(_close_own_pool, on_error="ignore")
        self._client.close()

    def map(
        self, job: Callable[[Pool, Task], Answer], tasks: Iterable[Task], *, ordered: bool = False
    ) -> Iterator[tuple[Task, Answer]]:
        """As of all workers. Raises MusictoolError if the cluster goes away."""
        try:
            yield from super().map(job, tasks, ordered=ordered)
        except (OSError, TimeoutError, CancelledError) as error:
            why = str(error) or type(error).__name__
            raise MusictoolError(
                f"the Dask cluster is gone ({why}); what was done is kept, the same command goes on"
            ) from None

    def submit(self, job: Callable[[Pool, Task], Answer], task: Task) -> Future[Answer]:
        """Begin one job."""
        future: Future[Answer] = self._executor.submit(_with_own_pool, job, task)
        return future


def _check_address(address: str) -> None:
    """Refuse at once what a Client would choke on for as long as it may take to connect. Raises BadOption."""
    from distributed.comm import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, location = parse_address(address)
        get_backend(scheme)
        parse_host_port(location)
    except ValueError as error:
        raise BadOption(
            f"--dask '{address}' is not the address of a scheduler, such as tcp://10.0.0.1:8786 ({error})"
        ) from None


# ---- on a worker of the cluster ----


@cache
def _own_pool() -> Pool:
    return Pool()


def _with_own_pool(job: Callable[[Pool, Any], Any], task: Any) -> Any:
    return job(_own_pool(), task)


def _close_own_pool() -> None:
    _own_pool().close()
    _own_pool.cache_clear()


def _version() -> str:
    return musictool.__version__
