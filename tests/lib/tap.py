"""A test's results in the Test Anything Protocol, as prove(1) reads it.

    from tap import ok, is_, like, note, done_testing

    ok(path.exists(), "the socket is there")
    is_(run("id"), 0, "exit status")
    done_testing()

The plan comes last: a test that dies on the way has none, and prove reports
it. An exception that nobody catches, in any thread, is a failed test. Nothing
is reported by a forked child: its parent owns the stream.
"""

import os
import re
import sys
import threading
import traceback


def _one_line(text):
    """A test's name as TAP can carry it: '#' would begin a directive."""
    return str(text).replace("\\", "\\\\").replace("#", "\\#").replace("\n", " ")


def _caller():
    """Where the test program called us from."""
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)} line {frame.f_lineno}"


class Tap:
    """One TAP stream, on standard output; diagnostics go to standard error."""

    def __init__(self):
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._count = 0
        self._failed = 0

    def _say(self, text, stream):
        if os.getpid() != self._owner:
            return
        # One write, both streams in step: prove reads them through two pipes.
        sys.stdout.flush()
        stream.write(text)
        stream.flush()

    def _comment(self, text, stream):
        lines = str(text).splitlines() or [""]
        self._say("".join(f"# {line}\n" for line in lines), stream)

    def note(self, text):
        """A remark that only `prove -v` shows."""
        self._comment(text, sys.stdout)

    def diag(self, text):
        """A remark that is always shown."""
        self._comment(text, sys.stderr)

    def _result(self, passed, name, where, detail=()):
        with self._lock:
            self._count += 1
            word = "ok" if passed else "not ok"
            self._say(f"{word} {self._count} - {_one_line(name)}\n", sys.stdout)
            if not passed:
                self._failed += 1
                self.diag("\n".join([f"failed: {name}", f"    at: {where}", *detail]))
        return passed

    def ok(self, condition, name):
        return self._result(bool(condition), name, _caller())

    def is_(self, got, want, name):
        detail = (f"   got: {got!r}", f"  want: {want!r}")
        return self._result(got == want, name, _caller(), detail)

    def isnt(self, got, unwanted, name):
        return self._result(got != unwanted, name, _caller(), (f"   got: {got!r}",))

    def like(self, text, regex, name):
        found = text is not None and re.search(regex, text) is not None
        detail = (f"   got: {text!r}", f"unlike: {regex!r}")
        return self._result(found, name, _caller(), detail)

    def unlike(self, text, regex, name):
        """None is no text at all, and so not proven to be unlike."""
        clean = text is not None and re.search(regex, text) is None
        detail = (f"   got: {text!r}", f"  like: {regex!r}")
        return self._result(clean, name, _caller(), detail)

    def skip(self, name, reason):
        """One test that cannot be made here; prove counts and shows it."""
        with self._lock:
            self._count += 1
            self._say(f"ok {self._count} - {_one_line(name)} # SKIP {_one_line(reason)}\n", sys.stdout)

    def skip_all(self, reason):
        """The whole file cannot run here. Does not return."""
        self._say(f"1..0 # SKIP {_one_line(reason)}\n", sys.stdout)
        sys.exit(0)

    def done_testing(self):
        """Writes the plan and ends the program with its status."""
        if self._count == 0:
            # "1..0" would read as "all skipped".
            self._result(False, "the file has tests", _caller())
        self._say(f"1..{self._count}\n", sys.stdout)
        if self._failed:
            self.diag(f"{self._failed} of {self._count} failed")
        sys.exit(1 if self._failed else 0)

    def failed(self):
        """How many have failed so far."""
        return self._failed

    def _uncaught(self, kind, value, trace):
        where = "?"
        for frame in traceback.extract_tb(trace):
            where = f"{os.path.basename(frame.filename)} line {frame.lineno}"
        text = "".join(traceback.format_exception(kind, value, trace))
        self._result(False, f"uncaught {kind.__name__}: {value}", where, [text])

    def catch_all(self):
        """Makes uncaught exceptions failed tests; the status becomes 1 by
        Python's own rule, or by done_testing when a thread raised."""
        sys.excepthook = self._uncaught
        threading.excepthook = lambda args: self._uncaught(
            args.exc_type, args.exc_value, args.exc_traceback)


# One program, one stream.
_stream = Tap()
_stream.catch_all()

ok = _stream.ok
is_ = _stream.is_
isnt = _stream.isnt
like = _stream.like
unlike = _stream.unlike
skip = _stream.skip
skip_all = _stream.skip_all
note = _stream.note
diag = _stream.diag
failed = _stream.failed
done_testing = _stream.done_testing
