"""Waiting for a condition, never for a time."""

import threading
import time

_STEP_SECONDS = 0.02


def until(condition, timeout=20):
    """The first true value of condition(), or its last one when none came in
    time. For what nobody announces, such as a process's end."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        pause.wait(_STEP_SECONDS)
