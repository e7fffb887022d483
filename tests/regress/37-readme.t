#!/usr/bin/python3
"""The lines of README.md that people copy, as they stand there: each block
behind a "<!-- test: NAME -->", on a machine with the real sshd, sudo and nginx."""

import base64
import os
import re
import subprocess
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

import people
from doors import Sshd, sudo, sudoers
from gate import CONF, DIRECTORY, install, write
from journal import Journal
from nginx import PORT, Nginx
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok

# Addresses of the simulated organization are not all "local name@domain".
ORGANIZATION = {
    "admin_key": "sk-admin-readme",
    "users": [{"id": f"user-{name}", "name": name, "email": f"{name}@example.com", "role": role}
              for name, role in (("ann", "reader"), ("olivia", "owner"))],
}


def blocks():
    with open(os.path.join(jail.REPOSITORY, "README.md"), encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r"( *)<!-- test: ([\w-]+) -->\n *```(?:sh|nginx)\n(.*?)\n *```\n", text, re.DOTALL)
    return {name: textwrap.dedent(lines) for _, name, lines in found}


def run(name, stdin=""):
    """A block, by the shell that root has. The simulator stands in for the
    API, which nothing else in the block's own words knows of."""
    lines = readme[name].replace("[identity]", f"[api]\nbase_url = {simulator.url}\nca_file = {DIRECTORY}/ca.pem\n[identity]")
    done = subprocess.run(["/bin/bash", "-c", lines], input=stdin, capture_output=True, text=True, check=False)
    if not is_(done.returncode, 0, f"{name}: its lines run"):
        diag(lines, done.stdout, done.stderr)
    return done.stdout + done.stderr


def lines_of(name):
    """Lines of a block that are not empty."""
    return [line for line in readme[name].splitlines() if line.strip()]


def pages(expected, name):
    """The lines for nginx, where the text says that they go."""
    first, others = readme["nginx"].split("\n", 1)
    subprocess.run("printf 'ann:{PLAIN}word\\nstranger:{PLAIN}word\\n' >/etc/nginx/htpasswd", shell=True, check=True)
    with Nginx(f"{first}\nserver {{ listen 127.0.0.1:{PORT};\n{others}\n}}") as nginx:
        got = {who: nginx.get("/", headers={"Authorization": f"Basic {base64.b64encode(who.encode()).decode()}"}).status for who in expected}
    is_(got, expected, name)


def logins(expected, name):
    is_({user: sshd.login(user).status == 0 for user in expected}, expected, name)


def sudos(expected, name):
    is_({user: sudo(user, ["true"]).status == 0 for user in expected}, expected, name)


readme = blocks()
is_(sorted(readme), ["breakglass", "nginx", "remove", "skip", "ssh", "sudo", "web"], "every block of README.md that a test should run")
for name in ("ssh", "sudo"):
    ok(len(lines_of(name)) <= 10, f"{name}: no more than the ten lines that its heading promises")
ok(len(lines_of("web") + lines_of("nginx")) <= 10, "web: nor are its lines")

install()
journal = Journal()
people.add("ann", "olivia", "stranger")
os.makedirs(DIRECTORY, exist_ok=True)
sudoers("ALL ALL=(ALL) NOPASSWD: ALL\n")

with Simulator("/srv/simulator", ORGANIZATION) as simulator, Sshd() as sshd:
    with open(simulator.ca_file, encoding="ascii") as file:
        write(f"{DIRECTORY}/ca.pem", file.read())
    everybody = {"ann": True, "olivia": True, "stranger": True, "root": True}
    logins(everybody, "before: sshd is open to everybody")
    sudos(everybody, "before: so is sudo")

    like(run("ssh", stdin="sk-admin-readme\n"), r"good, 1 policy\nann: allow \(ok\)", "ssh: says what the comment promises")
    is_(os.stat(f"{DIRECTORY}/admin.key").st_mode & 0o777, 0o600, "ssh: the key is root's alone")
    logins(everybody | {"stranger": False}, "ssh: members and root pass, a stranger does not")
    sudos(everybody, "ssh: sudo is as it was")

    like(run("sudo"), r"good, 2 policies\nolivia: allow \(ok\)", "sudo: says what the comment promises")
    sudos({"ann": False, "olivia": True, "stranger": False, "root": True}, "sudo: the owner and root pass")
    is_(sudo("ann", ["true"], options=["-n", "-i"]).status == 0, False, "sudo -i: a reader does not pass")
    is_(sudo("olivia", ["true"], options=["-n", "-i"]).status == 0, True, "sudo -i: the owner passes")

    run("web")
    pages({"ann:word": 200, "ann:guess": 401, "stranger:word": 403}, "web: a member, one who guesses, a stranger")

    like(run("breakglass"), r"breakglass: exempt \(exempt-user\)", "breakglass: says what the comment promises")
    logins({"breakglass": True, "root": True, "stranger": False}, "breakglass: passes without being a member")
    sudos({"breakglass": True, "ann": False}, "breakglass: becomes root")

    with open(CONF, encoding="utf-8") as file:
        good = file.read()
    write(CONF, good + "[no such section]\n")
    logins({"root": False, "breakglass": False, "olivia": False}, "a mistake in gate.conf: nobody passes, the exempt included")
    run("skip")
    logins({"root": False, "breakglass": True, "olivia": False}, "skip: the emergency account passes even then")
    write(CONF, good)
    logins({"root": True, "breakglass": True, "olivia": True, "stranger": False}, "skip: all else is as before")

    run("remove")
    everybody["breakglass"] = True
    logins(everybody, "remove: sshd is open again, also to the emergency account")
    sudos(everybody, "remove: so is sudo")

if failed():
    diag(journal.text())
done_testing()
