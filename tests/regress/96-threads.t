#!/usr/bin/python3
"""The command line and the helper with ThreadSanitizer, cold: our own code has
no threads, but libcurl looks names up in one, also while a DNS server is silent
and the deadline passes. libcurl itself is not built with it: what is watched is
our own memory, and libc's allocations."""

import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

from gate import BUILD, CONF, HTTP, Gate
from sim import Simulator
from tap import diag, done_testing, is_, note, ok

TSAN = os.path.join(BUILD, "tsan")
PROGRAMS = [f"{TSAN}/openai-gate", f"{TSAN}/openai-gate-fetch", f"{TSAN}/openai-gate-http.so"]
FLAGS = "-fsanitize=thread"
REPORT = re.compile(r"ThreadSanitizer", re.M)
CHECK = ["check", "--policy", "ssh", "ann"]
PATIENT_MS, HASTY_MS = 20000, 1500  # for an answer; where none will come
QUERIES = ["users?email=ann@example.com", "projects/proj_web/users?email=ann@example.com", "invites?email=ann@example.com"]


def make():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "-C", jail.REPOSITORY, "--no-print-directory", f"BUILD={TSAN}", f"CFLAGS=-O1 -g {FLAGS}",
                           f"LDFLAGS={FLAGS}", *PROGRAMS], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)


def run(name, *command, status):
    """-R: the sanitizer wants its own addresses."""
    settings.forget()
    done = subprocess.run(["setarch", "-R", *command], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    said = done.stderr.decode(errors="backslashreplace")
    is_(done.returncode, status, f"{name}: exit status")
    if not ok(not REPORT.search(said), f"{name}: no race"):
        diag(said[:6000])


def both(name, status, timeout_ms=HASTY_MS):
    run(f"{name}, openai-gate", PROGRAMS[0], *CHECK, status=status)
    run(f"{name}, the helper", PROGRAMS[1], "1", CONF, str(timeout_ms), *QUERIES, status=0)


built = make()
is_(built.returncode, 0, "all build")
if built.returncode != 0:
    diag(built.stderr[-4000:])
for program in PROGRAMS:
    with open(program, "rb") as file:
        ok(b"__tsan_init" in file.read(), f"{os.path.basename(program)} has the sanitizer")
os.makedirs(os.path.dirname(HTTP), mode=0o755)
shutil.copy(PROGRAMS[2], HTTP)
simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, {"ssh": {"pam_services": "sshd", "role": "owner reader", "project": "proj_web"}}, {"ann": "ann@example.com"},
                api={"timeout": f"{PATIENT_MS}ms", "requests_per_minute": 6000})
both("an address", 0, PATIENT_MS)
is_(len(simulator.requests()), 5, "the one has asked for two lists, the other for three")
settings.configure(api={"timeout": f"{HASTY_MS}ms"})
for kind in ("500", "429", "silence", "reset", "truncated"):
    simulator.fault(kind)
    both(kind, 2)
    simulator.clear_faults()
settings.configure(api={"base_url": simulator.url.replace("127.0.0.1", "jail")})
for turn in range(5):
    both(f"a name, looked up in a thread, {turn}", 2)
settings.configure(api={"base_url": "https://api.example.com/v1"})
both("a name that nobody knows", 2)
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
for turn in range(3):
    both(f"a silent DNS server, {turn}", 2)
silent.setblocking(False)
ok(silent.recv(2048), "which was asked")
note(f"{len(simulator.requests())} requests")
done_testing()
