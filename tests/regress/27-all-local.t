#!/usr/bin/python3
"""openai-gate check --all-local: everybody with a login shell, in a table, at
the price of one; and the warnings before a line locks everybody out."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

from gate import CACHE, DIRECTORY, Gate, install, write
from sim import Simulator
from tap import done_testing, is_, like

POLICIES = {
    "ssh": {"pam_services": "sshd", "role": "owner reader"},
    "web": {"pam_services": "web", "project": "proj_web"},
    "none": {"pam_services": "none", "project": "proj_nobody_is_in"},
    "dry": {"pam_services": "dry", "role": "owner", "enforce": "no"},
}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com", "bob": "bob.banned@example.com", "daemon": "ann@example.com",
         "nolog": "ann@example.com", "fake": "ann@example.com", "ftp": "ann@example.com", "zoe": "zoe@example.com"}

PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nolog:x:20:20::/:/sbin/nologin
fake:x:21:21::/:/bin/false
ftp:x:22:22::/:/usr/lib/ftponly
olivia:x:2001:2001::/:/bin/bash
ann:x:2002:2002::/:
bob:x:2003:2003::/:/bin/sh
zoe:x:2004:2004::/:/bin/sh
stranger:x:2005:2005::/:/bin/sh
a/b:x:2006:2006::/:/bin/sh
+@netgroup::::::/bin/sh
"""


def people(text):
    write("/etc/passwd", text)


def survey(*arguments, status=0):
    """Rows as (user, verdict, reason, identity, cache); the last line; what it warns of."""
    done = gate.cli("check", "--all-local", *arguments)
    is_(done.returncode, status, f"{' '.join(arguments)}: exit status {status}")
    lines = done.stdout.splitlines()
    return [tuple(line.split()) for line in lines[1:-1]], lines[-1] if lines else "", done.stderr


install()
write("/etc/shells", "/bin/sh\n/bin/bash\n/bin/false\n/sbin/nologin\n")
people(PASSWD)
simulator = Simulator("/run/sim")
simulator.add_project("proj_nobody_is_in", name="empty")
gate = Gate(simulator, POLICIES, USERS, api={"requests_per_minute": "600"})

TABLE = [
    ("root", "exempt", "exempt-user", "-", "-"),
    ("olivia", "allow", "ok", "olivia.owner@example.com", "miss"),
    ("ann", "allow", "ok", "ann@example.com", "miss"),
    ("bob", "deny", "account-disabled", "bob.banned@example.com", "miss"),
    ("zoe", "deny", "not-a-member", "zoe@example.com", "miss"),
    ("stranger", "deny", "no-identity", "-", "-"),
    ("a/b", "deny", "bad-name", "-", "-"),
]
rows, last, said = survey("--service", "sshd")
is_(rows, TABLE, "the table: who has a login shell, and nobody else")
is_(last, "2 would pass by [policy ssh], 4 would not, 1 exempt", "what it comes to")
is_(said, "", "and nothing to warn of")
is_(sorted(request["endpoint"] for request in simulator.requests()), ["invites", "users"], "one list of each kind answers for all")
is_([row[4] for row in survey("--policy", "ssh")[0]], ["-", "hit", "hit", "hit", "hit", "-", "-"], "again, from the store; by --policy the same")
for user, verdict, reason, *_ in TABLE:
    done = gate.cli("check", "--json", "--service", "sshd", user)
    is_((json.loads(done.stdout)["verdict"], json.loads(done.stdout)["reason"]), (verdict, reason), f"{user}: check says the same")

done = gate.cli("check", "--all-local", "--json", "--policy", "ssh")
objects = [json.loads(line) for line in done.stdout.splitlines()]
is_([(one["user"], one["verdict"], one["reason"]) for one in objects], [row[:3] for row in TABLE], "--json: an object for each")
is_(objects[1]["facts"][0]["found"], True, "--json: with its facts")

# Forty people in a large organization: 20 addresses in a request.

crowd = [f"user{number}" for number in range(40)]
people(PASSWD + "".join(f"{name}:x:{3000 + at}:100::/:/bin/sh\n" for at, name in enumerate(crowd)))
organization = simulator.organization()
organization["users"] += [{"email": f"other{number}@example.com", "id": f"user-o{number}", "role": "reader"} for number in range(700)]
organization["users"] += [{"email": f"{name}@example.com", "id": f"user-{name}", "role": "reader"} for name in crowd[:30]]
simulator.organization(organization)
gate.configure(identity={"email": "%u@example.com"})
gate.forget()
simulator.clear_requests()
rows, last, said = survey("--service", "sshd")
is_(last, "32 would pass by [policy ssh], 14 would not, 1 exempt", "a large organization: all are judged")
asked = simulator.requests(endpoint="users")
is_(len([request for request in asked if "emails" in request["query"]]), 3, "a large organization: asked for 20 at once")
gate.configure(identity={"email": ""})
people(PASSWD)

# The warnings.

rows, last, said = survey("--policy", "none")
like(said, r"^openai-gate: warning: NOBODY here would pass by \[policy none\]: .*everybody but the exempt\n$", "nobody would pass: it warns")
gate.configure(pam={"exempt_users": ""})
rows, last, said = survey("--policy", "none")
like(said, r"NOBODY here would pass .* locks out everybody\n.*NO EXEMPT USER has a login shell", "and nobody exempt: it warns of both")
rows, last, said = survey("--policy", "ssh")
like(said, r"^[^\n]*NO EXEMPT USER[^\n]*\n$", "somebody passes, but nobody is exempt: it warns of that")
gate.configure(pam={"exempt_users": "daemon"})
like(survey("--policy", "ssh")[2], "NO EXEMPT USER", "an exempt user without a shell is no way back in")
gate.configure(pam={"exempt_users": "root"})
like(survey("--policy", "dry")[1], r"\(not enforced\)$", "a dry run is noted")

# What cannot be judged.

gate.forget()
simulator.fault(503)
rows, last, said = survey("--policy", "ssh", status=2)
like(last, r"^0 would pass .* 2 would not, 1 exempt, 4 CANNOT BE JUDGED NOW \(server-error\)$", "an outage: said, and exit status 2")
simulator.clear_faults()
gate.forget()
os.rename(f"{DIRECTORY}/admin.key", f"{DIRECTORY}/away")
rows, last, said = survey("--policy", "ssh", status=3)
like(said, r"admin\.key", "no key: the place is named")
os.rename(f"{DIRECTORY}/away", f"{DIRECTORY}/admin.key")
os.chmod(CACHE, 0o777)
rows, last, said = survey("--policy", "ssh", status=3)
is_(said.count(f"{CACHE}: mode 0777"), 1, "an unsafe store: said once")
os.chmod(CACHE, 0o700)

for arguments, why in ((["ann"], "takes no user"), (["--policy", "ssh", "--service", "sshd"], "not both")):
    done = gate.cli("check", "--all-local", *arguments)
    is_(done.returncode, 64, f"{arguments}: exit status 64")
    like(done.stderr, why, f"{arguments}: told")
rows, last, said = survey(status=3)
like(said, r"--policy or --service", "no policy chosen: told")
is_(rows, [], "and no table")
done_testing()
