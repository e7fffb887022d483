"""What the gate asks of the kernel beyond pam_permit, counted by strace(1)."""

import collections
import re

import bench
from result import Table


def _calls(command):
    """The names of the system calls of one run, in order, and how many of them
    one line in the system log took: its time zone and its socket."""
    trace = f"{bench.PLACE}/trace"
    bench.run("strace", "-f", "-o", trace, *command)
    with open(trace, encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if re.match(r"\d+ +\w+\(", line)]
    log = 0
    begin = [at for at, line in enumerate(lines) if '"/etc/localtime"' in line]
    end = [at for at, line in enumerate(lines) if re.search(r'sendto\(\d+, "<\d+>', line)]
    if begin and end:
        log = end[0] - begin[0] + 1
    return [line.split("(")[0].split()[-1] for line in lines], log


def tables():
    path = bench.conf("syscalls")
    bench.run(bench.program("fill"), path, "10000")
    permit, _ = _calls(bench.account("permit", "pam_permit.so"))
    ours, log = _calls(bench.account("syscalls", f"{bench.MODULE} conf={path}"))
    table = Table("pam_syscalls", "PAM: system calls of an account phase, warm, 10,000 people", "calls")
    table.row("pam_permit", [len(permit)])
    row = table.row("pam_openai", [len(ours)])
    row.at_most("20 more", row.more().median, 20, "the owner of each directory above gate.conf and the store is looked at (newfstatat), "
                "the decision is counted (open, map, unmap) and logged")
    extra = collections.Counter(ours)
    extra.subtract(permit)
    table.note(f"{log} of them for the line in the system log")
    table.note("  ".join(f"{name} {count:+d}" for name, count in sorted(extra.items()) if count))
    yield table
