"""The rate limit: so many requests a window for each endpoint.

The API was measured at 7 to 10 a minute for each endpoint, all free again a
minute later: a fixed window that opens with the first request.
"""

import math
import threading
import time

STYLES = ("retry-after", "text", "none")


def denial(style, seconds):
    """(headers, error message) of a 429 in one of the spellings seen."""
    headers = {}
    message = "You've exceeded the rate limit, please slow down"
    if style == "text":
        message += f" and try again after {seconds:.3f} seconds."
    elif style == "retry-after":
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
        message += " and try again later."
    elif style == "none":
        message += "."
    else:
        raise ValueError(f"rate style: want one of {', '.join(STYLES)}")
    return headers, message


class Limiter:
    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._windows = {}
        self._count = 0
        self._window = 60.0
        self._style = "retry-after"

    def set(self, count=0, style="retry-after", window=60.0):
        """count requests a window for each endpoint; 0: no limit. Every
        endpoint starts with a whole budget."""
        denial(style, 1)
        with self._lock:
            self._count, self._style, self._window = int(count), style, float(window)
            self._windows = {}

    def take(self, endpoint):
        """None, or the (headers, message) of the refusal."""
        with self._lock:
            if self._count <= 0:
                return None
            now = self._clock()
            opened, used = self._windows.get(endpoint, (now, 0))
            if now - opened >= self._window:
                opened, used = now, 0
            if used < self._count:
                self._windows[endpoint] = (opened, used + 1)
                return None
            return denial(self._style, opened + self._window - now)
