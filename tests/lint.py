#!/usr/bin/python3
"""What a machine can see of the project's rules: the layers, the one place of
each foreign header, banned calls, sizes. Prints file:line and the rule; exits 1
when anything was found."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A file may include headers of its own layer and of lower ones.
LAYERS = ["value", "meaning", "io", "client", "cli", "helper"]
PEERS = {"cli": "helper", "helper": "cli"}  # neither includes the other

# Foreign headers and the files that may include them.
PLACES = [
    (r"curl/", r"common/io/http_model\.h"),
    (r"jansson\.h", r"common/meaning/api\w*\.[ch]|common/cli/json\.c|tests/.*"),
    (r"cdb\.h", r"common/io/list\.c|tests/.*"),
    (r"sha2\.h", r"common/io/\w+\.c|tests/.*"),
    (r"security/", r"pam_openai/\w+\.[ch]|tests/.*"),
    (r"ngx_\w+\.h", r"ngx_openai/\w+\.[ch]|tests/.*"),
]

BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|"
    r"alloca|system|popen|getenv|mktemp|tmpnam)\s*\(")

# Spelled so that this file has none of them.
LEFT_OPEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")

# Pure: no clock, no file, no descriptor.
IMPURE = re.compile(
    r'#include\s+<(unistd|fcntl|sys/stat|sys/socket|time|stdio_ext|dirent|'
    r'poll|pwd|grp|syslog)\.h>')

MAX_FILE = 500
MAX_FUNCTION = 80

found = []


def complain(path, line, text):
    found.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "common" and len(parts) > 2 else None


def check_include(path, number, line):
    match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
    if not match:
        return
    name = match.group(2)
    where = str(path.relative_to(ROOT))
    for header, place in PLACES:
        if re.match(header, name) and not re.fullmatch(place, where):
            complain(path, number, f"<{name}> is included in one place only")
    own = layer_of(path)
    target = name.split("/")[0]
    if own and match.group(1) == '"' and target in LAYERS:
        if LAYERS.index(target) > LAYERS.index(own) or \
                PEERS.get(own) == target:
            complain(path, number, f"layer {own} includes layer {target}")
    if own == "value" and IMPURE.match(line) and path.name not in (
            "clock.c", "log.c"):
        complain(path, number, "the value layer does no I/O")
    if own == "meaning" and IMPURE.match(line):
        complain(path, number, "the meaning layer does no I/O")


def check_sizes(path, lines):
    if len(lines) > MAX_FILE and not str(path.relative_to(ROOT)).startswith(
            "tests/"):
        complain(path, len(lines), f"more than {MAX_FILE} lines")
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        if line.startswith("}") and start:
            if number - start > MAX_FUNCTION:
                complain(path, start, f"a function of {number - start} lines")
            start = None


def check_text(path, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            complain(path, number, "blank at the end of the line")
        if LEFT_OPEN.search(line):
            complain(path, number, "left open")


def sources():
    for top in ("common", "pam_openai", "ngx_openai", "tests"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".c", ".h", ".py", ".t", ".sh") and \
                    path.is_file():
                yield path


def main():
    for path in sources():
        lines = path.read_text(encoding="utf-8").split("\n")
        check_text(path, lines)
        if path.suffix not in (".c", ".h"):
            continue
        check_sizes(path, lines)
        for number, line in enumerate(lines, 1):
            check_include(path, number, line)
            if BANNED.search(line) and not line.lstrip().startswith("*"):
                complain(path, number, "banned call: " +
                         BANNED.search(line).group(1))
    tops = {"pam_openai", "ngx_openai", "common", "tests", "conf", "Makefile",
            "README.md", "LICENSE", "build"}
    for path in ROOT.iterdir():
        if path.name not in tops and not path.name.startswith("."):
            complain(path, 1, "the top level is fixed")
    for line in found:
        print(line)
    if found:
        print(f"lint: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
