#!/usr/bin/python3
"""A test that fails is seen to fail, whatever way it takes."""

import os
import subprocess
import sys

_LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")
sys.path.insert(0, _LIB)

from tap import done_testing, is_, like, unlike

HEAD = f"import os, sys, threading\nsys.path.insert(0, {_LIB!r})\nimport tap\n"

# (name, program, exit status, standard output, standard error)
CASES = (
    ("all is well", "tap.ok(1, 'a')\ntap.is_(2, 2, 'b')\ntap.done_testing()",
     0, r"\Aok 1 - a\nok 2 - b\n1\.\.2\n\Z", r"\A\Z"),
    ("ok of nothing", "tap.ok('', 'a')\ntap.done_testing()",
     1, r"not ok 1 - a\n1\.\.1", r"failed: a"),
    ("is_", "\ntap.is_(1, 2, 'a')\ntap.done_testing()",
     1, r"not ok 1 - a", r"line 5\n#    got: 1\n#   want: 2"),
    ("isnt", "tap.isnt(1, 1, 'a')\ntap.done_testing()", 1, "not ok 1 - a", "got: 1"),
    ("like", "tap.like('abc', 'd', 'a')\ntap.done_testing()",
     1, "not ok 1 - a", "got: 'abc'\n# unlike: 'd'"),
    ("like of None", "tap.like(None, 'N', 'a')\ntap.done_testing()", 1, "not ok 1", "None"),
    ("unlike", "tap.unlike('abc', 'b', 'a')\ntap.done_testing()", 1, "not ok 1", "like: 'b'"),
    ("unlike of None", "tap.unlike(None, 'b', 'a')\ntap.done_testing()", 1, "not ok 1", ""),
    ("an exception", "tap.ok(1, 'a')\nraise ValueError('x\\ny')",
     1, r"not ok 2 - uncaught ValueError: x y\n\Z", "line 5"),
    ("an exception in a thread",
     "t = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\n"
     "tap.ok(1, 'a')\ntap.done_testing()",
     1, r"not ok 1 - uncaught ZeroDivisionError", "division by zero"),
    ("no tests", "tap.done_testing()", 1, r"not ok 1 - the file has tests\n1\.\.1", ""),
    ("an early end", "tap.ok(1, 'a')\nsys.exit(0)", 0, r"\Aok 1 - a\n\Z", ""),
    ("a child", "tap.ok(1, 'a')\nif os.fork() == 0:\n    tap.ok(0, 'c')\n    os._exit(0)\n"
     "os.wait()\ntap.done_testing()", 0, r"\Aok 1 - a\n1\.\.1\n\Z", r"\A\Z"),
    ("a skipped file", "tap.skip_all('no root')", 0, r"\A1\.\.0 # SKIP no root\n\Z", ""),
    ("a skipped test", "tap.skip('a', 'no root')\ntap.done_testing()",
     0, r"ok 1 - a # SKIP no root\n1\.\.1", ""),
    ("a name with a directive", "tap.ok(0, 'a # SKIP b')\ntap.done_testing()",
     1, r"not ok 1 - a \\# SKIP b\n", ""),
)

for name, program, status, out, err in CASES:
    done = subprocess.run([sys.executable, "-c", HEAD + program], text=True,
                          capture_output=True, check=False)
    is_(done.returncode, status, f"{name}: exit status")
    like(done.stdout, out, f"{name}: results")
    like(done.stderr, err, f"{name}: diagnostics")
unlike(done.stdout, "(?m)^ok", "a failed test is nowhere ok")
done_testing()
