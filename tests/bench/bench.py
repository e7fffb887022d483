#!/usr/bin/python3
"""What the gate costs, next to what it is compared with. Run by make bench, as
root of a throw-away machine.

    bench.py [TABLE...]

One file of this directory for each table, with a function table(); they share
this module. What is compared is run in alternating order in one go, since only
ratios of one run mean anything; each row shows the median, the quartiles, and
the median of the differences to the first row, pair by pair. Nothing is
asserted: the goals stand beside the figures, for people to read.
"""

import importlib
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import gate  # noqa: E402
import jail  # noqa: E402
import journal  # noqa: E402

TABLES = ("pam_account", "pam_syscalls", "pam_sudo", "pam_cold", "pam_storm", "nginx_warm", "nginx_waiting")

ROUNDS = int(os.environ.get("ROUNDS") or 60)
PROGRAMS = os.path.join(gate.BUILD, "bench")

# Trusted like /etc: nothing below /tmp is.
PLACE = "/srv/bench"
CONFDIRS = f"{PLACE}/pam.d"

SERVICE = "bench"
MODULE = "/usr/libexec/openai-gate-bench/pam_openai.so"


def program(name):
    return os.path.join(PROGRAMS, name)


def prepare():
    """The product installed, and a module of ours beside it."""
    if not jail.inside():
        sys.exit("bench: run me by make bench: I fill stores and change pam.d")
    gate.install()
    for directory in (CONFDIRS, os.path.dirname(MODULE), gate.DIRECTORY):
        os.makedirs(directory, mode=0o755, exist_ok=True)
    shutil.copy(os.path.join(gate.BUILD, "pam_openai.so"), MODULE)
    gate.write(f"{gate.DIRECTORY}/admin.key", "sk-admin-bench\n", 0o600)
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


def spread(values):
    """Median and quartiles, as text."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:8.2f}  [{low:.2f} … {high:.2f}]"


def title(text, *notes):
    print(f"\n## {text}\n")
    for note in notes:
        print(note)
    if notes:
        print()


def compare(rows, **how):
    """rows: (name, command, goal), the first of them the yardstick. Prints one
    line each, milliseconds; returns by name the medians of wall and of processor
    time: on a busy machine only the latter says much."""
    results = rounds([command for _, command, _ in rows], **how)
    first = results[0][0]
    print(f"{'':38}{'wall ms':>8}  {'[quartiles]':20}{'more':>7}  {'[quartiles]':18}{'ratio':>6}{'CPU ms':>8}  goal")
    medians = {}
    for (name, _, goal), (wall, cpu) in zip(rows, results):
        medians[name] = (statistics.median(wall), statistics.median(cpu))
        more = [mine - base for mine, base in zip(wall, first)]
        print(f"{name:38}{spread(wall):30}", end="")
        if wall is first:
            print(f"{'':33}", end="")
        else:
            print(f"{spread(more)[1:]:27}{medians[name][0] / statistics.median(first):6.2f}", end="")
        print(f"{medians[name][1]:8.2f}  {goal}".rstrip())
    return medians


def against(medians, name, yardstick):
    """The two ratios of two rows, in words."""
    wall, cpu = (mine / base for mine, base in zip(medians[name], medians[yardstick]))
    return f"{name} against {yardstick}: {wall:.2f}, by processor time {cpu:.2f}"


def main():
    wanted = sys.argv[1:] or TABLES
    unknown = [name for name in wanted if name not in TABLES]
    if unknown:
        sys.exit(f"bench: no table {unknown[0]}; there are {' '.join(TABLES)}")
    prepare()
    print(f"{ROUNDS} alternating rounds each; median [quartiles] of wall time; {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.1f}")
    for name in wanted:
        importlib.import_module(name).table()
        sys.stdout.flush()


if __name__ == "__main__":
    # Tables import this module by its name: let them have this one.
    sys.modules["bench"] = sys.modules["__main__"]
    main()
