#!/usr/bin/python3
"""What the gate costs, next to what it is compared with. Run by make bench.

    bench.py [--json FILE] [--plot FILE] [TABLE...]

One file of this directory for each table, with a generator tables(); they share
this module. What is compared is run in alternating order in one go, since only
ratios of one run mean anything; each row shows the median, the quartiles, and
the median of the differences and ratios to its yardstick, round by round. The
goals stand beside the figures, met or not: nothing here fails for being slow.

It measures on a throw-away machine (tests/lib/jail), which it starts.
"""

import argparse
import contextlib
import fcntl
import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import gate  # noqa: E402
import jail  # noqa: E402
import journal  # noqa: E402
import machine  # noqa: E402
import plot  # noqa: E402
import result  # noqa: E402

TABLES = ("pam_account", "pam_sizes", "pam_syscalls", "pam_sudo", "pam_ssh", "pam_cold", "pam_storm", "nginx_warm", "nginx_cold",
          "nginx_memory", "nginx_waiting")

ROUNDS = int(os.environ.get("ROUNDS") or 60)
PROGRAMS = os.path.join(gate.BUILD, "bench")

# Trusted like /etc: nothing below /tmp is.
PLACE = "/srv/bench"
CONFDIRS = f"{PLACE}/pam.d"

KEY = f"{gate.DIRECTORY}/admin.key"

SERVICE = "bench"
# Servers that more than one table asks.
KEPT = contextlib.ExitStack()

MODULE = "/usr/libexec/openai-gate-bench/pam_openai.so"


def program(name):
    return os.path.join(PROGRAMS, name)


def prepare():
    """The product installed, and a module of ours beside it."""
    gate.install()
    for directory in (CONFDIRS, os.path.dirname(MODULE), gate.DIRECTORY):
        os.makedirs(directory, mode=0o755, exist_ok=True)
    shutil.copy(os.path.join(gate.BUILD, "pam_openai.so"), MODULE)
    gate.write(KEY, "sk-admin-bench\n", 0o600)
    # Somebody reads what is logged, as on any machine.
    journal.Journal()


def confdir(name, *lines):
    """A directory for pam_start_confdir with these account lines."""
    directory = f"{CONFDIRS}/{name}"
    os.makedirs(directory, mode=0o755, exist_ok=True)
    gate.write(f"{directory}/{SERVICE}", "".join(f"account required {line}\n" for line in lines))
    # Without it libpam complains to the log, also for pam_permit.
    gate.write(f"{directory}/other", "account required pam_deny.so\n")
    return directory


def account(name, *lines, user="person7"):
    """The command of one account phase by that line."""
    return [program("account"), confdir(name, *lines), SERVICE, user]


def store(name):
    """A store as far from the root as the one in use."""
    return f"/var/cache/openai-gate-{name}"


def conf(name, api="", identity="email = %u@example.com", cache="", policy="role = owner reader"):
    """A gate.conf with a store of its own; the path."""
    path = f"{gate.DIRECTORY}/{name}.conf"
    # Only how it was fetched is unusual: at any pace, and fresh to the end.
    gate.write(path, f"""\
[api]
requests_per_minute = 6000
{api}
[identity]
{identity}
[cache]
directory = {store(name)}
size = 8g
ttl = 1d
{cache}
[policy bench]
pam_services = {SERVICE} sudo
{policy}
""")
    return path


def run(*command):
    """Standard output of a command that must succeed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def rounds(commands, count=None, before=None, wrap=()):
    """Runs each command once a round. For each of them the wall times and the
    processor times in milliseconds, in the order of the rounds."""
    words = [*wrap, program("rounds")]
    if before:
        words += ["-b", before]
    words.append(str(count or ROUNDS))
    for command in commands:
        words += ["--", *command]
    lines = [[sample.split(":") for sample in line.split()] for line in run(*words).splitlines()]
    return [([int(line[at][0]) / 1000 for line in lines], [int(line[at][1]) / 1000 for line in lines])
            for at in range(len(commands))]


def measure(table, commands, **how):
    """A row for each of the commands, by name, in milliseconds. On a busy
    machine only the processor time says much."""
    for name, (wall, used) in zip(commands, rounds(commands.values(), **how)):
        table.row(name, wall, cpu=used)


def inside(names, report):
    """On the throw-away machine; the document goes to that descriptor."""
    prepare()
    document = {"machine": machine.facts(), "rounds": ROUNDS, "tables": []}
    print("\n".join(f"{name}: {value}" for name, value in document["machine"].items()))
    print(f"{ROUNDS} alternating rounds; median [quartiles]", flush=True)
    status = 0
    with KEPT:
        for name in names:
            try:
                for table in importlib.import_module(name).tables():
                    print("\n".join(table.text()), flush=True)
                    document["tables"].append(table.document())
            except Exception:  # one broken table shall not cost the others
                print(f"\n## {name}: NOT measured\n\n{traceback.format_exc()}", flush=True)
                status = 1
    with open(report, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
    return status


def outside(arguments):
    """Nothing that is written inside remains, so the document comes by a pipe."""
    paths = [os.path.abspath(path) for path in (arguments.json, arguments.plot) if path]
    for path in paths:  # not after half an hour
        if not os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK):
            sys.exit(f"bench: cannot write {path}")
    if arguments.plot and not set(plot.TABLES) & set(arguments.tables or TABLES):
        sys.exit(f"bench: a plot is of the tables {' and '.join(plot.TABLES)}")
    reading, narrow = os.pipe()
    writing = fcntl.fcntl(narrow, fcntl.F_DUPFD, 20)  # the jail has its own use for low ones
    os.close(narrow)
    command = [os.path.join(HERE, "..", "lib", "jail"), sys.executable, __file__, "--report", str(writing), *arguments.tables]
    with subprocess.Popen(command, pass_fds=(writing,)) as process:
        os.close(writing)
        with open(reading, encoding="utf-8") as file:
            text = file.read()
    if text and arguments.json:
        gate.write(arguments.json, text + "\n")
    if text and arguments.plot:
        gate.write(arguments.plot, plot.draw(json.loads(text)))
    return process.returncode


def main():
    parser = argparse.ArgumentParser(description="What the gate costs, next to what you would use instead.")
    parser.add_argument("--json", metavar="FILE", help="all of it, with facts about the machine")
    parser.add_argument("--plot", metavar="FILE", help="an SVG of the nginx gates and of PAM")
    parser.add_argument("--report", type=int, help=argparse.SUPPRESS)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=" ".join(TABLES))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.tables if name not in TABLES]
    if unknown:
        sys.exit(f"bench: no table {unknown[0]}; there are {' '.join(TABLES)}")
    if arguments.report is None:
        return outside(arguments)
    if not jail.inside():
        sys.exit("bench: --report is its own affair")
    return inside(arguments.tables or TABLES, arguments.report)


if __name__ == "__main__":
    # Tables import this module by its name: let them have this one.
    sys.modules["bench"] = sys.modules["__main__"]
    sys.exit(main())
