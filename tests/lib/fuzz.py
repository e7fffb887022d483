"""The fuzzers of tests/fuzz, built by `make fuzzers`: their corpora once more,
and runs of some seconds, two at a time.

    for name in fuzz.names():
        found = fuzz.replay(build, name)
    for found in fuzz.run_all(build, names, seconds):
        print(found.name, found.executions, found.status)
"""

import concurrent.futures
import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests/fuzz/corpus"

# As many as a small machine has processors.
AT_ONCE = 2

# What an input may be as large as: the longest that any fuzzer reads whole.
MAX_LEN = {"config": 2048, "map": 2048, "api": 2048, "pam": 800, "decision": 500}
MAX_LEN_OTHERS = 1024

# Seconds past its own limit after which a fuzzer hangs.
GRACE = 120


class Found:
    """What became of one run: `status` is 0 when nothing was found."""

    def __init__(self, name, status, output, command):
        self.name = name
        self.status = status
        self.output = output
        self._command = command
        runs = re.findall(r"stat::number_of_executed_units: (\d+)|^Executed .* in \d+ ms$", output, re.MULTILINE)
        self.executions = int(runs[-1]) if runs and runs[-1] else len(runs)
        written = re.findall(r"Test unit written to (\S+)", output)
        replayed = re.findall(r"^Running: (\S+)$", output, re.MULTILINE)
        self.input = written[-1] if written else replayed[-1] if replayed else None

    def reproduce(self):
        """The command that shows the find once more."""
        return f"{self._command} {self.input}" if self.input else self._command


def names():
    return sorted(path.stem for path in (ROOT / "tests/fuzz").glob("*.c"))


def program(build, name):
    return Path(build).resolve() / "fuzz" / name


def _run(build, name, words, seconds):
    command = [str(program(build, name)), *words]
    environment = os.environ | {"UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds + GRACE, check=False)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = 124, late.stdout or b""
    except OSError as error:
        status, output = 127, str(error).encode()
    return Found(name, status, output.decode(errors="backslashreplace"), str(program(build, name)))


def known(name):
    """The inputs in the tree."""
    return sorted(str(path) for path in (CORPUS / name).iterdir() if path.is_file())


def replay(build, name):
    return _run(build, name, known(name), 60)


def run(build, name, seconds):
    """From the corpus on, which it leaves alone. A find is written below
    the build directory."""
    with tempfile.TemporaryDirectory() as grown:
        return _run(build, name, [f"-max_total_time={seconds}", f"-max_len={MAX_LEN.get(name, MAX_LEN_OTHERS)}",
                                  f"-artifact_prefix={program(build, name)}-", "-verbosity=1", "-timeout=20", "-rss_limit_mb=4096",
                                  "-print_final_stats=1", grown, str(CORPUS / name)], seconds)


def run_all(build, wanted, seconds):
    """Each as it ends."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(run, build, name, seconds) for name in wanted]
        for done in concurrent.futures.as_completed(runs):
            yield done.result()
