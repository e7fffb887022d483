"""Faults on demand: which there are, and which one a request meets.

The tables say what each does; words in `backquotes` are its parameters.

A fault holds for every request, or for a path pattern, an endpoint, a part of
the query string; until cleared, or for the next `times` requests. `delay` adds
to whatever follows; of the others the first that fits is taken.
"""

import fnmatch
import re
import threading

import spoil

# What happens to a connection before anything is answered.
NO_ANSWER = {
    "silence": "reads the request and never answers",
    "reset": "reads the request and resets the connection (RST)",
    "close": "reads the request and closes the connection",
    "garbage": "answers with bytes that are not HTTP",
}

# What happens to a connection before anything is read.
HANDSHAKE = {
    "tls-silence": "accepts the connection and never speaks TLS",
    "tls-reset": "accepts the connection and resets it",
    "tls-garbage": "answers the TLS hello with bytes that are not TLS",
    "tls-cut": "answers the TLS hello with half of what it has to say, and closes",
}

# How an answer, itself right, is sent.
DELIVERY = {
    "drip": "sends the answer byte by byte, one each `ms`",
    "late": "sends the answer, as it was right when asked, once all faults are cleared",
    "stall": "sends `bytes` of the body (half), then nothing, open for good",
    "truncated": "promises more bytes than come, and closes",
    "unframed": "sends half of the body without a word of its length, and closes",
    "close-after": "answers, then closes the connection without a word of it",
    "oversized": "sends a body of `bytes`; `chunked` true hides the length",
    "header-flood": "sends `bytes` of headers before the body",
    "half-head": "sends half of the headers, then nothing, open for good",
    "interim": "sends `count` interim answers (one) of `status` (103) before the answer",
    "gzip": "sends the answer packed, with `bytes` of blanks (none) before it",
    "two-lengths": "promises the right length, and one of a byte less",
    "two-framings": "sends chunks, and promises a length of a byte",
}


# What adds to any other fault.
DELAY = {"delay": "waits `ms` before anything else"}


class FaultError(ValueError):
    """Nobody can make such a fault; the text says why."""


class Fault:
    def __init__(self, kind, path=None, query=None, times=None, **params):
        self.kind = str(kind)
        self.path = path
        self.query = query
        self.times = times
        self.params = params
        self.cleared = None
        if self.kind.isascii() and self.kind.isdigit():
            self.params.setdefault("status", int(self.kind))
            self.kind = "status"
        text = manual().get(self.kind)
        if text is None:
            raise FaultError(f"no fault is called {self.kind!r}; there are "
                             + ", ".join(sorted(manual())))
        unknown = set(self.params) - set(re.findall("`([a-z]+)`", text))
        if unknown:
            raise FaultError(f"{self.kind}: no parameter {sorted(unknown)}: {text}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise FaultError(f"times: want a number from 1, not {times!r}")
        for name in _NEEDED.get(self.kind, ()):
            if name not in self.params:
                raise FaultError(f"{self.kind}: want {name}")

    def fits(self, request):
        if self.query is not None and self.query not in request.raw_query:
            return False
        if self.kind in spoil.LISTS and not request.endpoint.endswith("s"):
            return False
        if self.kind == "repeated-row" and "after" not in request.query():
            return False
        if self.path is None:
            return True
        if "/" not in self.path:
            return self.path == request.endpoint
        return any(path is not None and fnmatch.fnmatchcase(path, self.path)
                   for path in (request.raw_path, request.below))

    def describe(self):
        return {"kind": self.kind, "path": self.path, "query": self.query,
                "times": self.times, **self.params}


_NEEDED = {"delay": ("ms",), "drip": ("ms",), "status": ("status",), "body": ("body",)}


def manual():
    """What every fault does, by its name."""
    texts = {name: entry[1] for table in (spoil.REQUEST, spoil.ANSWER)
             for name, entry in table.items()}
    return {**DELAY, **NO_ANSWER, **HANDSHAKE, **DELIVERY, **texts}


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []
        self._cleared = threading.Event()

    def add(self, fault):
        with self._lock:
            fault.cleared = self._cleared
            self._faults.append(fault)

    def clear(self):
        """Those that are used up as well."""
        with self._lock:
            self._faults = []
            self._cleared.set()
            self._cleared = threading.Event()

    def describe(self):
        with self._lock:
            return [fault.describe() for fault in self._faults]

    def _use(self, fault):
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)

    def handshake(self):
        """The fault that a new connection meets, or None."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in HANDSHAKE:
                    self._use(fault)
                    return fault
        return None

    def meet(self, request):
        """(seconds of delay, the fault or None) of a request."""
        delay, found = 0.0, None
        with self._lock:
            for fault in list(self._faults):
                if fault.kind in HANDSHAKE or not fault.fits(request):
                    continue
                if fault.kind == "delay":
                    delay += fault.params["ms"] / 1000
                elif found is None:
                    found = fault
                else:
                    continue
                self._use(fault)
        return delay, found
