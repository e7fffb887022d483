#!/usr/bin/python3
"""Static analysis of what is installed: gcc's -fanalyzer, clang-tidy (its checks:
.clang-tidy) and cppcheck, one job for each processor.

    analyse.py          prints what is found and is not in tests/analysis/known,
                        and what stands there without need; 1 when either is

What only some versions of a tool say has a ? behind the tool there: it may be
found, and need not be.

Of the analysers' findings only those count that speak of a file of ours. Each
also reads tests/analysis/probe.c, where it must find something.
"""

import collections
import concurrent.futures
import functools
import glob
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KNOWN = ROOT / "tests" / "analysis" / "known"
BUILD = ROOT / (os.environ.get("BUILD") or "build")
GCC = os.environ.get("ANALYSE_GCC", "gcc")

DEFINES = ["-D_GNU_SOURCE", "-D_FORTIFY_SOURCE=0", '-DOG_HELPER_PATH="/usr/libexec/openai-gate/openai-gate-fetch"',
           '-DOG_HTTP_PATH="/usr/libexec/openai-gate/openai-gate-http.so"', '-DOG_HEADERS="0"']
NGINX = ("src/core", "src/event", "src/event/modules", "src/os/unix", "src/http", "src/http/modules", "src/http/v2", "objs")

PROBE = "tests/analysis/probe.c"
OURS = re.compile(rf"(common|pam_openai|ngx_openai)/|{PROBE}")

Finding = collections.namedtuple("Finding", "tool file check line text")


def sources():
    return sorted(str(path.relative_to(ROOT)) for top in ("common", "pam_openai", "ngx_openai") for path in (ROOT / top).rglob("*.c"))


def flags(path):
    """As the Makefile compiles it; the web door needs a configured nginx."""
    if not path.startswith("ngx_openai/"):
        return ["-std=c11", "-Icommon", *DEFINES]
    trees = sorted(glob.glob(f"{BUILD}/nginx-dynamic-*/objs/ngx_auto_config.h"))
    if not trees:
        sys.exit("analyse: no configured nginx in the build directory: make first")
    tree = os.path.dirname(os.path.dirname(trees[0]))
    return ["-Icommon", "-Ingx_openai", *DEFINES, *(f"-I{tree}/{name}" for name in NGINX)]


def run(command):
    done = subprocess.run(["nice", *command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def ours(tool, text, pattern):
    """Findings of that form: file, line, text, check."""
    found = []
    for match in re.finditer(pattern, text, re.M):
        path = os.path.relpath(ROOT / match["file"], ROOT)
        if OURS.match(path):
            found.append(Finding(tool, path, match["check"], int(match["line"]), match["text"]))
    return found


_COMPILER = r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?:warning|error|fatal error): (?P<text>.*?)(?: \[CWE-\d+\])?(?: \[(?P<check>[^\]]+)\])?$"


def gcc(path):
    return ours("gcc", run([GCC, *flags(path), "-O2", "-fanalyzer", "-c", "-o", "/dev/null", path]), _COMPILER)


def clang_tidy(path):
    return ours("clang-tidy", run(["clang-tidy", "--quiet", path, "--", *flags(path)]), _COMPILER)


@functools.cache
def thorough():
    """Newer ones leave branches out unless told not to; older ones never did, and do not know the option."""
    option = "--check-level=exhaustive"
    known_there = subprocess.run(["cppcheck", option, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    return [option] if known_there else []


def cppcheck(path):
    alike = [flag for flag in flags(path) if not flag.startswith("-std")]
    return ours("cppcheck", run(["cppcheck", "--quiet", "--std=c11", "-D__x86_64__", *alike, *thorough(), "--enable=warning,performance,portability",
                                 "--template={file}:{line}: {id}: {message}", path]),
                r"^(?P<file>[^\s:]+):(?P<line>\d+): (?P<check>\w+): (?P<text>.*)$")


def known():
    """(tool, file, check) of each line, and of those lines that must be said."""
    with open(KNOWN, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    for line in lines:
        if len(line) != 4 or not line[3]:
            sys.exit(f"{KNOWN}: tool, file, check and why, with tabs between: {line}")
    listed = {(line[0].removesuffix("?"), *line[1:3]) for line in lines}
    return listed, {tuple(line[:3]) for line in lines if not line[0].endswith("?")}


def main():
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # The slow ones first.
        tools = {"clang-tidy": clang_tidy, "gcc": gcc, "cppcheck": cppcheck}
        jobs = [pool.submit(tool, path) for tool in tools.values() for path in (PROBE, *sources())]
    found = {finding for job in jobs for finding in job.result()}
    blind = sorted(set(tools) - {finding.tool for finding in found if finding.file == PROBE})
    found = {finding for finding in found if finding.file != PROBE}
    listed, needed = known()
    news = sorted(finding for finding in found if finding[:3] not in listed)
    needless = sorted(needed - {finding[:3] for finding in found})
    for finding in news:
        print(f"{finding.file}:{finding.line}: {finding.tool}: {finding.text} [{finding.check}]")
    for line in needless:
        print(f"{KNOWN.relative_to(ROOT)}: nobody says that any more: {' '.join(line)}")
    for tool in blind:
        print(f"{PROBE}: {tool} finds nothing in it")
    print(f"analysis: {len(sources())} files, {len(news)} new findings, {len(found) - len(news)} known")
    return 1 if news or needless or blind else 0


if __name__ == "__main__":
    sys.exit(main())
