"""For tests that change the machine: a throw-away copy of it.

    import jail
    jail.enter()

starts the program again inside tests/lib/jail, as root of a machine of its
own, where users, /etc, /usr and all ports of loopback are the test's to
change. Where no such machine can be had, the whole file is skipped, with the
reason.
"""

import os
import signal
import sys

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))

# tests/lib/jail leaves it there; no machine outside has it.
_MARK = "/run/jail"


def inside():
    return os.path.exists(_MARK)


def _start_again(*options):
    sys.stdout.flush()
    sys.stderr.flush()
    command = os.path.join(REPOSITORY, "tests", "lib", "jail")
    os.execv(command, [command, *options, sys.executable, *sys.orig_argv[1:]])


def enter():
    """For a test. Returns inside only."""
    if not inside():
        _start_again("-s")


def require(network=False):
    """For another program, which fails where there is no such machine. With
    `network` it has this machine's, not one of its own."""
    if not inside():
        _start_again(*(["-n"] if network else []))


def heed_signals():
    """For a test that ends others by them: whoever runs it may ignore them
    (nohup, a shell's &), and so would all that it starts."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
