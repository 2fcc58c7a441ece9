"""A worker's pool of processes, which at a stop waits for what its children were already given."""

from __future__ import annotations

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool
from celery.worker import state


class _Pool(AsynPool):
    """Celery's, which at a stop forgets the tasks that no child has confirmed yet.

    One that is in a child's pipe by then runs nevertheless. Nobody reads its result: it is not acknowledged, so the
    broker gives it out again, and the child waits half a minute for somebody to count what it has said.
    """

    def flush(self) -> None:
        """Let go of what nobody runs; a job that was written to a child stays until the child has answered."""
        waiting = dict(self._cache)
        super().flush()
        if state.should_stop is not None:
            self._cache.update(
                {
                    number: job
                    for number, job in waiting.items()
                    if job._write_to is not None and not job.ready()  # noqa: SLF001 - jobs do not tell otherwise
                }
            )


class Prefork(TaskPool):
    """Celery's prefork pool on the event loop, with ours inside."""

    Pool = _Pool
