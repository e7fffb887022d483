"""For tests that change the machine: a throw-away copy of it.

    import jail
    jail.enter()

starts the program again inside tests/lib/jail, as root of a machine of its
own, where users, /etc, /usr and all ports of loopback are the test's to
change. Where no such machine can be had, the whole file is skipped, with the
reason.
"""

import os
import sys

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))

# tests/lib/jail leaves it there; no machine outside has it.
_MARK = "/run/jail"


def inside():
    return os.path.exists(_MARK)


def enter():
    """Returns inside only."""
    if inside():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    command = os.path.join(REPOSITORY, "tests", "lib", "jail")
    os.execv(command, [command, "-s", sys.executable, *sys.orig_argv[1:]])
