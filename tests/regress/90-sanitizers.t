#!/usr/bin/python3
"""Every unit test once more, built with AddressSanitizer and UBSan, and under
valgrind: no error anywhere, and no leak. The command line, the helper and the
PAM module with sanitizers go through every fault of the directory.

Leaks are those of the program itself: a child that a test forks leaves by
_exit with all that it was given.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail
from tap import diag, done_testing, is_, isnt, ok, skip

BUILD = os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build")
SAN = os.path.join(BUILD, "san")
REPORT = r"ERROR: (Address|Leak)Sanitizer|runtime error:|AddressSanitizer:"
OUTPUT_MAX = 6000
VALGRIND_ERROR = 99
VALGRIND = ["valgrind", "-q", f"--error-exitcode={VALGRIND_ERROR}", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=none", f"--suppressions={jail.REPOSITORY}/tests/valgrind.supp", "--num-callers=30"]

# What these watch, limits, descriptors and time, is not the same under
# valgrind: there they may fail, and so leak, but not touch memory wrongly.
NOT_ALIKE = {"tally_file.t", "helper_given.t", "helper_end.t", "helper_refused.t", "confine.t"}


def make(*words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "-C", jail.REPOSITORY, "--no-print-directory", *words], env=environment, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def run(command, environment=None):
    """Its status and all that it said."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="backslashreplace", env=os.environ | (environment or {}), cwd=jail.REPOSITORY) as process:
        text = process.stdout.read()
    return process.pid, process.returncode, text


def programs(build):
    return sorted(glob.glob(os.path.join(build, "unit", "*.t")))


def under_sanitizers(program, directory):
    name = os.path.basename(program)
    log = os.path.join(directory, f"{name}.san")
    options = f"log_path={log}:detect_leaks=1:abort_on_error=0"
    _, status, text = run([program], {"ASAN_OPTIONS": options, "UBSAN_OPTIONS": f"log_path={log}:print_stacktrace=1",
                                      "LSAN_OPTIONS": f"log_path={log}"})
    reports = ""
    for path in glob.glob(f"{log}.*"):
        with open(path, encoding="utf-8", errors="replace") as file:
            reports += file.read()
    is_(status, 0, f"{name}, sanitizers: passes")
    clean = not reports and re.search(REPORT, text) is None
    ok(clean, f"{name}, sanitizers: clean")
    if status != 0 or not clean:
        diag((text + reports)[-OUTPUT_MAX:])


def leaks(report, pid):
    """valgrind's blocks on leaks of that process."""
    lines = [line.split("== ", 1)[1] if "== " in line else "" for line in report.splitlines() if line.startswith(f"=={pid}==")]
    blocks = "\n".join(lines).split("\n\n")
    return [block for block in blocks if re.match(r"[\d,]+ (\(.*\) )?bytes in [\d,]+ blocks are (definitely|indirectly|possibly) lost", block)]


def under_valgrind(program, directory):
    name = os.path.basename(program)
    log = os.path.join(directory, f"{name}.vg")
    pid, status, text = run([*VALGRIND, f"--log-file={log}.%p", program], {"STEPS": "150"})  # store_hammer.t is one of many processes
    reports = {}
    for path in glob.glob(f"{log}.*"):
        with open(path, encoding="utf-8", errors="replace") as file:
            reports[path] = file.read()
    everything = "".join(reports.values())
    ok(f"{log}.{pid}" in reports, f"{name}, valgrind: there is a report")
    isnt(status, VALGRIND_ERROR, f"{name}, valgrind: no error")
    if name not in NOT_ALIKE:
        is_(status, 0, f"{name}, valgrind: passes")
        is_(leaks(reports.get(f"{log}.{pid}", ""), pid), [], f"{name}, valgrind: no leak")
    if status == VALGRIND_ERROR:
        diag((text + everything)[-OUTPUT_MAX:])


def with_sanitized_programs(pattern):
    """A regress test, of what has been built so: it fails when one of them
    dies where it should not."""
    for test in sorted(glob.glob(os.path.join(jail.REPOSITORY, "tests/regress", pattern))):
        _, status, text = run([test], {"BUILD": SAN})
        name = f"{os.path.basename(test)}, sanitizers"
        is_(status, 0, f"{name}: passes")
        ok(re.search(REPORT, text) is None, f"{name}: clean")
        if status != 0:
            diag(text[-OUTPUT_MAX:])


built = make(f"BUILD={SAN}", "SAN=1", "sanitized")
is_(built.returncode, 0, "all builds with sanitizers")
if built.returncode != 0:
    diag(built.stderr[-OUTPUT_MAX:])
with tempfile.TemporaryDirectory() as directory:
    ok(len(programs(SAN)) > 5, f"{len(programs(SAN))} programs with sanitizers")
    for program in programs(SAN):
        under_sanitizers(program, directory)
    for pattern in ("11-cli.t", "20-libpam.t", "21-libpam-input.t", "23-libpam-faults.t"):
        with_sanitized_programs(pattern)
    ok(len(programs(BUILD)) > 5, f"{len(programs(BUILD))} programs for valgrind")
    for program in programs(BUILD):
        with open(program, "rb") as file:
            sanitized = b"__asan_init" in file.read()
        if sanitized:
            skip(os.path.basename(program) + ", valgrind", "built with sanitizers, which valgrind cannot run")
        else:
            under_valgrind(program, directory)
done_testing()
