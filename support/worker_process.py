"""What every process does that works for another one."""

from __future__ import annotations

import os
import signal
import threading
import time

_PAUSE_S = 1.0


def begin_worker() -> None:
    """Leave Ctrl-C to the process that started this one, and end when that has ended.

    Ctrl-C reaches every process of a terminal. A process that is killed cannot end its workers,
    which would keep their memory for minutes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import multiprocessing  # noqa: PLC0415 - a lookup, which has no workers, starts without it

    # It may have ended already, while this one was still importing: then another process has taken
    # its place, of which only multiprocessing knows that it is not the parent.
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent and parent.pid else os.getppid()
    threading.Thread(target=_end_with, args=(pid,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE_S)
    os._exit(1)
