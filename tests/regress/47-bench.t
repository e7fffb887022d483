#!/usr/bin/python3
"""make bench: it measures what it says, judges by the goals, and writes a
document and a picture. Two rounds: the figures mean nothing here."""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "bench")
sys.path[:0] = [os.path.join(HERE, "..", "lib"), BENCH]
import jail
import plot
import result
from tap import done_testing, is_, like, ok, skip_all

SVG = "{http://www.w3.org/2000/svg}"
TABLES = ("pam_account", "pam_syscalls", "nginx_cold")
# What stands in pam_account, by the name in the line of pam.d.
NEEDED = ("pam_permit", "empty module", "pam_openai, 10,000 people", "pam_openai, cold")
RIVALS = ("pam_ldap", "pam_sss", "pam_exec: sh, curl, jq")

if os.getuid() != 0:
    skip_all("only root can make a throw-away machine")
probe = subprocess.run([os.path.join(jail.REPOSITORY, "tests/lib/jail"), "true"], capture_output=True, text=True)
if probe.returncode == 125:
    skip_all(probe.stderr.strip())


def bench(*arguments):
    return subprocess.run([sys.executable, f"{BENCH}/bench.py", *arguments], capture_output=True, text=True,
                          env=os.environ | {"ROUNDS": "2"})


# How a row is judged.
table = result.Table("t", "a title", "ms", "CPU ms")
base = table.row("base", [1, 2, 4], cpu=[1, 1, 1])
row = table.row("row", [2, 5, 10], cpu=[2, 2, 4])
is_((row.more().median, row.ratio().median, row.cpu_more().median), (3, 2.5, 1), "rows are compared round by round")
is_((result.Spread.of([1, 2, 4]).low, result.Spread.of([1, 2, 4]).high), (1.5, 3), "quartiles")
is_((base.base, table.alone("alone", [7]).base), (None, None), "the first row, and who wants none, has no yardstick")
row.at_most("at most 2", row.ratio().median, 2, "because")
row.at_most("at most 2.5", row.ratio().median, 2.5, "not said")
row.at_least("at least 2.5", row.ratio().median, 2.5)
row.at_least("at least 3", row.ratio().median, 3)
is_([goal.met for goal in row.goals], [False, True, True, False], "a goal is met at its limit, and not beyond")
text = "\n".join(table.text())
like(text, r"(?m)^row .*at most 2: MISSED \(2\.50\); at most 2\.5: met \(2\.50\); at least 2\.5: met", "the goals stand beside the row")
like(text, r"(?m)^at most 2: because$", "and why one is missed")
ok("not said" not in text, "but not of one that is met")
said = json.loads(json.dumps(table.document()))
is_([(goal["text"], goal["met"]) for goal in said["rows"][1]["goals"]][:2], [("at most 2", False), ("at most 2.5", True)],
    "the document says so too")
is_((said["rows"][1]["ratio"]["median"], said["rows"][1]["against"], said["rows"][2].get("ratio")), (2.5, "base", None),
    "and against what")

# What it refuses before half an hour of work.
for words, want in ((["no_such_table"], "no table no_such_table"), (["--json", "/nowhere/file"], "cannot write /nowhere/file"),
                    (["--plot", "/tmp/x.svg", "pam_syscalls"], "a plot is of the tables")):
    refused = bench(*words)
    ok(refused.returncode == 1 and want in refused.stderr and refused.stdout == "", f"refused: {want}")

with tempfile.TemporaryDirectory() as directory:
    # A run, small but whole.
    done = bench("--json", f"{directory}/bench.json", "--plot", f"{directory}/bench.svg", *TABLES)
    is_((done.returncode, done.stderr), (0, ""), "a run")
    with open(f"{directory}/bench.json", encoding="utf-8") as file:
        document = json.load(file)
    tree = ElementTree.parse(f"{directory}/bench.svg")

    # What the packages are got with: apt-get that only says what it was asked.
    with open(f"{directory}/apt-get", "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$@" >>{directory}/asked\nexit ${{APT_STATUS-0}}\n')
    os.chmod(f"{directory}/apt-get", 0o755)
    for status in ("1", "0"):
        got = subprocess.run([f"{BENCH}/packages", f"{directory}/debs"], capture_output=True, text=True,
                             env=os.environ | {"PATH": f"{directory}:{os.environ['PATH']}", "APT_STATUS": status})
        is_((got.returncode, os.path.exists(f"{directory}/debs/complete"), "will be missing" in got.stderr),
            (0, status == "0", status == "1"), f"the packages, where apt-get ends with {status}")
    with open(f"{directory}/asked", encoding="utf-8") as file:
        asked = file.read().splitlines()
    is_([line for line in asked if "--download-only" not in line and line != "-q update"], [], "nothing is installed")

machine = document["machine"]
is_([name for name, value in machine.items() if value in ("", "none", "unknown")], [], "facts about the machine")
is_([one["name"] for one in document["tables"]], list(TABLES), "the tables that were asked for")
rows = [row for one in document["tables"] for row in one["rows"]]
is_([row["name"] for row in rows if not 0 < row["low"] <= row["median"] <= row["high"]], [], "each row has a figure")
is_([row["name"] for row in rows if row["name"] not in done.stdout], [], "what is in the document was printed")
is_(sum(len(row["goals"]) for row in rows), done.stdout.count(": met (") + done.stdout.count(": MISSED ("), "with each goal")
first = document["tables"][0]
names = [row["name"] for row in first["rows"]]
is_([name for name in NEEDED if name not in names], [], "the rows of PAM")
is_([name for name in RIVALS if name not in names and not first["not_measured"].get(name)], [],
    "what it is compared with was measured, or it is said why not")
asking = [name for name in ("pam_openai, cold", "pam_exec: sh, curl, jq") if name in names]
like("\n".join(first["notes"]), rf"with one CA file: {2 * len(asking)} requests;", "what is called cold asks each time, and nobody else does")
is_(document["tables"][2]["rows"][1]["goals"][0]["value"], 3, "an organization of three pages was asked for in three requests")

# The picture, of this run and of one with both groups.
both = {"machine": machine, "tables": [first | {"name": "pam_account"}, {
    "name": "nginx_warm", "rows": [{"name": "no gate"}, {"name": "openai_gate, <b>", "ratio": {"median": 0.99}},
                                   {"name": "auth_basic", "ratio": {"median": 0.5}}]}]}
for name, root, bars in (("this run", tree.getroot(), len(names) - 1),
                         ("both doors", ElementTree.fromstring(plot.draw(both)), len(names) + 1)):
    texts = "\n".join(one.text for one in root.iter(f"{SVG}text"))
    drawn = [one for one in root.iter(f"{SVG}rect") if one.get("class") != "ground"]
    is_((root.tag, len(drawn)), (f"{SVG}svg", bars), f"{name}: well-formed, a bar for each row but the yardstick")
    ok(all(name in texts for name in names[1:]), f"{name}: all names are there")
    like(root.find(f"{SVG}style").text, r"prefers-color-scheme: dark", f"{name}: light and dark")
widths = [float(one.get("width")) for one in drawn[:2]]
ok(abs(widths[1] / widths[0] - 0.5 / 0.99) < 0.01, "a bar is as long as its value")
like(texts, r"openai_gate, <b>\n0\.99\nauth_basic\n0\.50", "its value stands beside it")

done_testing()
