"""More processes of this machine that work on one study."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from typing import TYPE_CHECKING, Self

from engine.errors import RadTuneError, hide_passwords
from objectives.identifiers import mask
from objectives.worker_process import begin_worker
from studies.options import stopping_rules
from studies.progress import Silence
from studies.search import join
from studies.stopping import Stopper
from studies.storage import open_storage, quiet_optuna, translated_errors
from studies.worker import Worker

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event
    from types import TracebackType

_PATIENCE_S = 60.0  # for a helper to bring back what it has run
_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # whoever started the helpers says when to stop


class Helpers:
    """Processes that run trials of a study while the ``with`` block runs; they end with it.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of the study, password included: it is handed over out of sight.
    name : str
        Of the study.
    n_helpers : int
        0 or more.
    """

    def __init__(self, url: str, name: str, n_helpers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._processes = [
            context.Process(target=_help, args=(url, name, self._stop), daemon=True)
            for _ in range(n_helpers)
        ]

    def __enter__(self) -> Self:
        """Start them, deaf from the first moment to the signals that mean the whole program."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # which they inherit
        try:
            for process in self._processes:
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ask them to bring back what they have run, and wait until they have."""
        self._stop.set()
        for process in self._processes:
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _help(url: str, name: str, stop: Event) -> None:
    begin_worker()
    with quiet_optuna():
        try:
            with translated_errors(url):
                _run(url, name, stop)
        except KeyboardInterrupt:  # asked to stop while it built its banks
            return
        except RadTuneError as error:
            sys.stderr.write(f"a worker has ended: {mask(hide_passwords(str(error)))}\n")
            sys.exit(1)


def _run(url: str, name: str, stop: Event) -> None:
    storage = open_storage(url)
    with Worker(storage.engine) as worker:
        search = join(name, storage, worker, Silence(), is_stopped=stop.is_set)
        rules = stopping_rules(search.definition.study)
        search.runner.run(Stopper(rules._replace(timeout=None)), Silence(), stop.is_set)
