"""The account lines that people use, for tables that ask through libpam, sudo
and ssh alike: what each costs beyond pam_permit."""

import functools
import shutil

import bench
import directory
import sim

PEOPLE = 10_000
WARM = "pam_openai, 10,000 people"
COLD = "pam_openai, cold"
SCRIPT = "pam_exec: sh, curl, jq"

# As perf(1) and strace(1) saw it on the machine of bench.svg.
WHY = ("the goal was set where pam_permit took 3.8 ms, and pam_ldap added 2.4. No place stands out: the kernel's work for "
       "mapping the module and for its system calls (table pam_syscalls); the line in the system log, which pam_ldap "
       "and pam_sss do not write, is a third of the time")

# What people write first: a shell script for pam_exec(8).
_SCRIPT = """\
#!/bin/sh
set -e
key=$(cat {key})
curl -sf --cacert {ca} -H "Authorization: Bearer $key" "{url}" |
    jq -e --arg who "$PAM_USER@example.com" \\
    '.data[] | select(.email == $who and (.role == "owner" or .role == "reader"))' >/dev/null
"""


def organization(people):
    return {
        "admin_key": "sk-admin-bench",
        "users": [{"id": f"user-{i:024d}", "name": f"Person {i}", "email": f"person{i}@example.com", "role": "reader",
                   "added_at": 1700000000 + i} for i in range(people)],
    }


def forget(*names):
    """A program that empties these stores."""
    path = f"{bench.PLACE}/forget"
    stores = " ".join(bench.store(name) for name in names)
    bench.gate.write(path, f"#!/bin/sh\nexec rm -rf {stores}\n", 0o755)
    return path


def url(simulator):
    return f"{simulator.url}/organization/users?limit=100"


def authority(simulator):
    path = f"{bench.gate.DIRECTORY}/ca.pem"
    shutil.copy(simulator.ca_file, path)
    return path


def script(simulator):
    """The line for it."""
    path = f"{bench.PLACE}/script"
    bench.gate.write(path, _SCRIPT.format(key=bench.KEY, ca=authority(simulator), url=url(simulator)), 0o755)
    return f"pam_exec.so quiet seteuid {path}"


def open_files():
    return "hard limit of open files " + bench.run("sh", "-c", "ulimit -Hn").strip() + ", which pam_exec closes one by one"


class Lines:
    """By name the line of each, the first of them the yardstick; `missing`
    says what cannot be had and why. `forget` makes the cold one cold."""

    def __init__(self, simulator, ldap):
        warm, cold = bench.conf("warm"), bench.conf("cold", api=f"base_url = {simulator.url}\nca_file = {authority(simulator)}\n")
        bench.run(bench.program("fill"), warm, str(PEOPLE))
        self.lines = {
            "pam_permit": "pam_permit.so",
            "empty module": bench.program("empty.so"),
            WARM: f"{bench.MODULE} conf={warm} policy=bench",
            COLD: f"{bench.MODULE} conf={cold} policy=bench",
        } | ldap.lines
        self.simulator = simulator
        self.missing = dict(ldap.missing)
        self.forget = forget("cold")
        if shutil.which("jq"):
            self.lines[SCRIPT] = script(simulator)
        else:
            self.missing[SCRIPT] = "there is no jq here"


@functools.cache
def lines():
    """The same for all tables; the servers run until the bench ends."""
    simulator = bench.KEPT.enter_context(sim.Simulator(f"{bench.PLACE}/simulator", organization(50)))
    return Lines(simulator, bench.KEPT.enter_context(directory.Directory(PEOPLE)))


def fill(table, commands, had, before, milliseconds, ratio=None, wrap=()):
    """Measures and enters all rows. The goals: milliseconds, and ratio, of the
    warm one against pam_permit, at most; a share of what the others add."""
    bench.measure(table, commands, before=before, wrap=wrap)
    table.missing |= had.missing
    warm = table[WARM]
    judge(warm, milliseconds, ratio)
    for name, share in (("pam_ldap", 0.2), ("pam_sss", 0.1)):
        if name in table:
            warm.at_most(f"{share} of what {name} adds", warm.more().median / table[name].more().median, share, WHY)


def judge(row, milliseconds, ratio=None):
    row.at_most(f"+{milliseconds} ms", row.more().median, milliseconds)
    if ratio:
        row.at_most(f"{ratio} of pam_permit", row.ratio().median, ratio, WHY)
