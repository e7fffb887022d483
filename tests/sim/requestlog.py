"""Every request, in memory and in a file: one JSON line each, one write each.

A line is written before its answer is sent, so that whoever has an answer
finds the request. The key is never in it: `key` says what kind came, and
whatever else might hold it (a URL, a header) has it struck out.
"""

import collections
import json
import os
import threading
import time

_HEADERS = ("host", "user-agent", "accept", "accept-encoding", "connection",
            "openai-organization", "openai-project", "cookie", "if-none-match")
_KEPT = 100000


class RequestLog:
    def __init__(self, path=None):
        self._changed = threading.Condition()
        self._lines = collections.deque(maxlen=_KEPT)
        self._count = 0
        self._file = None
        if path is not None:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT
                                 | os.O_CLOEXEC, 0o644)

    def add(self, request, status, connection, key, fault, secret):
        """status: None when nothing was answered."""
        entry = {
            "time": time.time(),
            "connection": connection,
            "method": request.method,
            "path": request.raw_path,
            "query": request.raw_query,
            "endpoint": request.endpoint,
            "status": status,
            "key": key,
            "fault": fault,
            "headers": {name: request.headers[name] for name in _HEADERS
                        if name in request.headers},
        }
        line = json.dumps(entry).replace(secret, "(the key)") + "\n"
        with self._changed:
            self._lines.append(line)
            self._count += 1
            if self._file is not None:
                os.write(self._file, line.encode())
            self._changed.notify_all()

    def lines(self):
        with self._changed:
            return "".join(self._lines)

    def clear(self):
        """Forgets; the file keeps what it has."""
        with self._changed:
            self._lines.clear()
            self._count = 0

    def wait(self, count, seconds):
        """Until that many have come since the last clear; how many have."""
        with self._changed:
            self._changed.wait_for(lambda: self._count >= count, seconds)
            return self._count
