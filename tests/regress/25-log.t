#!/usr/bin/python3
"""The log's line as pam_openai(8) describes it: what stands there reads every
line that the module writes, and says the same as our own strict parser."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import logline
from gate import Gate, decisions, install
from journal import Journal
from pamdrive import Pam
from sim import Simulator
from tap import diag, done_testing, is_, ok

POLICIES = {"member": {"pam_services": "member", "role": "owner reader"}}

# A name, and what the value says of it.
NAMES = [
    ("ann", "ann"), ("eve", "eve"), ("root", "root"), ("-", None), (None, None), ("J\u00fcrgen", "J\u00fcrgen"),
    ("ann policy=admin", "ann policy=admin"), ('"ann"', '"ann"'), ("a\\x20b", "a\\x20b"), ("ann\nallow ok: user=root", "ann\nallow ok: user=root"),
    ("\x1b[31m", "\x1b[31m"), ("x" * 400, "x" * 64 + "..."), ("\u00e4" * 33, "\u00e4" * 33), ("\u00e4" * 34, "\u00e4" * 32 + "..."),
]


def documented():
    """The manual's own command, as a reader sees it."""
    text = subprocess.run(["mandoc", "-Tutf8", f"{jail.REPOSITORY}/pam_openai/pam_openai.8"], capture_output=True, check=True).stdout
    text = subprocess.run(["col", "-bx"], input=text, capture_output=True, check=True).stdout.decode()
    start = text.index("journalctl -o json")
    return text[start:text.index("add)'", start) + 5]


def journalctl(lines):
    """What the journal would give, for the command to read."""
    os.makedirs("/run/bin", exist_ok=True)
    with open("/run/journal.json", "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"MESSAGE": line, "SYSLOG_IDENTIFIER": "pamdrive"}) + "\n" for line in lines)
    with open(os.open("/run/bin/journalctl", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexec cat /run/journal.json\n")


def raw(text):
    """A value as it stands in the line, read as the strict parser does."""
    return None if text == "-" else logline.unescape(text)


install()
journal = Journal()
simulator = Simulator("/run/sim")
gate = Gate(simulator, POLICIES, {"ann": "ann@example.com", "eve": "eve@example.org"})
pam = Pam()
pam.door("member")
pam.door("bad", '"quoted" no=argument')
for name, _ in NAMES:
    pam.ask("member", name)
pam.ask("bad", "ann")
gate.configure(api={"timeout": "soon"})
pam.ask("member", "ann")

found = decisions(journal)
is_([one.said["user"] for one in found], [value for _, value in NAMES] + ["ann", "ann"], "each name is one value, and reads as it was")
ok('message="argument \\"' in found[-2].text, "a quotation mark stands behind a backslash")
is_(found[-2].said["message"].split(";")[0], 'argument ""quoted"" of pam_openai.so: unknown', "a message reads as it was")
is_("gate.conf:" in found[-1].said["message"], True, "and names the place")

journalctl([one.text for one in found])
done = subprocess.run(["/bin/sh", "-c", documented()], capture_output=True, text=True, check=False, env={"PATH": "/run/bin:/usr/bin:/bin"})
is_((done.returncode, done.stderr), (0, ""), "the command in the manual runs")
rows = [json.loads(line) for line in done.stdout.splitlines()]
words = ("enforced", "verdict", "reason")
same = [{key: value if key in words else raw(value) for key, value in row.items()} for row in rows]
if not is_(same, [one.said for one in found], "and says the same as the strict parser"):
    diag(documented())
done_testing()
