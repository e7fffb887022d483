#!/usr/bin/python3
"""Within seven requests a minute for each endpoint: an organization of 300 at
both doors, the death of whoever asks for all, an outage and its end."""

import collections
import concurrent.futures
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CLI, DIRECTORY, Gate, helpers, install
from nginx import Nginx
from pamdrive import Pam
from sim import Simulator
from tap import done_testing, is_, note, ok
from wait import until

MEMBERS = 300
STRANGERS = 200
LIMIT = 7

HTTP = f"""
    openai_gate_config {DIRECTORY}/gate.conf;
    server {{
        listen 127.0.0.1:8080;
        location / {{ openai_gate all; openai_gate_identity $http_x_user; }}
    }}
"""

# All but ten are in the project.
OUTSIDE = [f"user{number:03d}" for number in range(5, 300, 30)]


def organization(sim):
    return {
        "admin_key": sim.admin_key,
        "users": [],
        "generate": [{"users": MEMBERS, "pattern": "user%03d@example.com", "role": "reader",
                      "projects": {"proj_web": "member"}}],
        "projects": [{"id": "proj_web", "name": "Web", "members": {f"{name}@example.com": None for name in OUTSIDE}}],
    }


def everybody():
    """500 names, the strangers among the members."""
    members = [f"user{number:03d}" for number in range(1, MEMBERS + 1)]
    strangers = [f"nobody{number:03d}" for number in range(STRANGERS)]
    mixed = []
    while members or strangers:
        mixed += [members.pop() for _ in range(min(3, len(members)))]
        mixed += [strangers.pop() for _ in range(min(2, len(strangers)))]
    return mixed


def right(name):
    if name.startswith("nobody"):
        return "deny"
    return "deny" if name in OUTSIDE else "allow"


def by_kind(sim):
    return dict(collections.Counter(line["endpoint"] for line in sim.requests()))


def refused(sim):
    return [line["endpoint"] for line in sim.requests() if line["status"] == 429]


def both_doors(sim, gate, pam, nginx):
    pam_words = {"PAM_SUCCESS": "allow", "PAM_PERM_DENIED": "deny"}
    web_words = {200: "allow", 403: "deny"}
    names = everybody()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        logins = {name: pool.submit(pam.ask, "sshd", name) for name in names[::2]}
        visits = {name: pool.submit(nginx.get, "/", user=name) for name in names[1::2]}
        answers = {name: pam_words.get(one.result().code, one.result().code) for name, one in logins.items()}
        answers |= {name: web_words.get(one.result().status, one.result().status) for name, one in visits.items()}
    wrong = {name: answer for name, answer in answers.items() if answer != right(name)}
    is_(wrong, {}, "500 people, 300 of them members: every decision is right, at PAM and at nginx")
    # Two stores: sudo must not believe what a web worker can write.
    is_(by_kind(sim), {"users": 6, "project-users": 6, "invites": 2}, "... for the pages of each list, once at each door")
    is_(refused(sim), [], "... and the API refuses none of them")


def crowd(count, sim):
    """Processes that ask the same at once; their verdicts."""
    reading, writing = os.pipe()
    running = [subprocess.Popen(["/bin/sh", "-c", 'read -r _; exec "$@"', "sh", CLI, "check", "--policy", "all",
                                 f"user{number % MEMBERS + 1:03d}"], stdin=reading, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True) for number in range(count)]
    os.close(reading)
    os.close(writing)
    yield running
    yield [process.wait(120) for process in running]


def holder_killed(sim, gate):
    gate.forget()
    gate.configure(api={"timeout": "30s"})
    sim.rate(LIMIT)
    sim.clear_requests()
    sim.fault("delay", ms=1500, path="users", times=1)
    asking = crowd(200, sim)
    running = next(asking)
    sim.wait_requests(1)
    # Whoever holds the lock of the list of users: he has sent the request.
    holders = set()
    ok(until(lambda: holders.update(lock_holders()) or holders & {process.pid for process in running}), "somebody asks for all")
    victim = next(pid for pid in holders if pid in {process.pid for process in running})
    os.kill(victim, signal.SIGKILL)
    before = collections.Counter(by_kind(sim))
    statuses = next(asking)
    killed = [process.pid for process in running].index(victim)
    is_(statuses.pop(killed), -signal.SIGKILL, "he is killed")
    names = [f"user{number % MEMBERS + 1:03d}" for number in range(200)]
    names.pop(killed)
    is_([name for name, status in zip(names, statuses) if status != (0 if right(name) == "allow" else 1)], [],
        "the other 199 are decided, and rightly")
    after = collections.Counter(by_kind(sim)) - before
    note(f"{dict(before)}, then {dict(after)}")
    for endpoint in ("users", "project-users"):
        # What was under way is on record when it ends.
        ok(before[endpoint] <= 3 and after[endpoint] <= 3 + 1, f"... for three pages of the {endpoint}, and no more than those once again")
    is_(refused(sim), [], "... none of them refused")
    for process in running:
        process.stdout.close()


def lock_holders():
    """Processes with a flock on a file of ours: see proc(5), locks."""
    with open("/proc/locks", encoding="ascii") as file:
        return {int(line.split()[4]) for line in file if " FLOCK " in line and "->" not in line}


def outage(sim, gate):
    """Seconds instead of an hour; a ttl that outlasts the return on a slow machine."""
    sim.rate(0)
    gate.forget()
    gate.configure(api={"timeout": "2s", "requests_per_minute": "60"}, cache={"ttl": "30s", "stale_ttl": "2s"})
    def status():
        return subprocess.run([CLI, "check", "--policy", "all", "user001"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode
    is_(status(), 0, "before an outage: allowed")
    sim.fault(503)
    is_(status(), 0, "an outage is not noticed while the answer is young")
    ok(until(lambda: status() == 2, 90), "... and past stale_ttl nobody passes")
    sim.clear_requests()
    seen = set()
    until(lambda: seen.update(next(outs)) or len(sim.requests()) >= 3, 30) if (outs := many(20)) else None
    is_(seen, {2}, "20 at a time, again and again: all are told so")
    during = by_kind(sim)
    note(f"during the outage: {during}")
    # Time to wait for each other, also on a slow machine: past the half of it
    # nobody waits for a process that may have been stopped.
    gate.configure(api={"timeout": "30s"})
    sim.clear_requests()
    sim.clear_faults()
    last = []
    ok(until(lambda: last.append(next(outs)) or set(last[-1]) == {0}, 90), "the API is back: all pass")
    note(f"after it: {by_kind(sim)}")
    for endpoint in ("users", "project-users"):
        asked = [(line["time"], line["query"]) for line in sim.requests(endpoint=endpoint, status=200)]
        # A ttl later the lists are due again.
        first = [query for time, query in asked if time < asked[0][0] + 20]
        ok(len(first) <= 3, f"... by three pages of the {endpoint}: nobody rushes")
        if len(first) > 3:
            note("\n".join(f"{time - asked[0][0]:.2f} {query}" for time, query in asked))


def many(count):
    """Again and again, so many at once."""
    while True:
        running = [subprocess.Popen([CLI, "check", "--policy", "all", f"user{number:03d}"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for number in range(6, 6 + count)]
        yield [process.wait(60) for process in running]


def main():
    install()
    with Simulator("/srv/sim") as sim:
        sim.organization(organization(sim))
        gate = Gate(sim, {"all": {"pam_services": "sshd", "role": "owner reader", "project": "proj_web"}},
                    identity={"email": "%u@example.com"})
        pam = Pam()
        pam.door("sshd")
        sim.rate(LIMIT)
        with Nginx(HTTP) as nginx:
            both_doors(sim, gate, pam, nginx)
            is_(nginx.complaints(), [], "nginx has nothing to complain of")
        holder_killed(sim, gate)
        outage(sim, gate)
        ok(until(lambda: not helpers()), "no helper is left")
        is_(sim.errors(), "", "the simulator had no trouble")
    done_testing()


main()
