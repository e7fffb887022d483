#!/usr/bin/python3
"""50,000 people and 200 projects, and an API that refuses whoever asks too
often: a sync in bounded memory, stopped and taken up, and people asked for
singly as long as it is not complete."""

import collections
import json
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CACHE, CLI, DIRECTORY, Gate, install
from nginx import Nginx
from sim import Simulator
from tap import done_testing, is_, like, note, ok

PEOPLE = 50000
PROJECTS = 200
# Of which a sync takes two thirds, so that its 500 pages take two minutes of
# the pace; 40 projects is what one policy may name.
LIMIT = 450
NAMED = [f"proj_{number:03d}" for number in range(40)]

HTTP = f"""
    openai_gate_config {DIRECTORY}/gate.conf;
    server {{
        listen 127.0.0.1:8080;
        location / {{ openai_gate any; openai_gate_identity $http_x_user; }}
    }}
"""


def organization(sim):
    return {
        "admin_key": sim.admin_key,
        "users": [{"email": f"extra{number:03d}@example.com", "role": "reader"} for number in range(PROJECTS)],
        "generate": [{"users": PEOPLE - PROJECTS, "pattern": "user%05d@example.com", "role": "reader"}],
        "projects": [{"id": f"proj_{number:03d}", "name": f"Project {number}",
                      "members": {f"extra{number:03d}@example.com": "member"}} for number in range(PROJECTS)],
    }


def words(user, policy="any"):
    done = subprocess.run([CLI, "check", "--json", "--policy", policy, user], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    return f"{answer['verdict']} {answer['reason']}"


def kinds(sim):
    return dict(collections.Counter(line["endpoint"] + ("?emails" if "emails" in line["query"] else "")
                                    for line in sim.requests()))


def too_large(sim, gate):
    is_(words("user49000@example.com"), "allow ok", "one of 50,000, whom no first page shows")
    is_(kinds(sim), {"users": 5, "users?emails": 1}, "... by five pages, once a day, and his address")
    sim.clear_requests()
    sim.fault("delay", ms=400, query="emails")
    with Nginx(HTTP) as nginx:
        # Its own store: it learns for itself that there are too many.
        is_(nginx.get("/", user="user48000@example.com").status, 200, "at nginx too")
        sim.clear_requests()
        names = [f"user{number:05d}@example.com" for number in range(30000, 30040)] + [f"nobody{number}@example.com" for number in range(20)]
        answers = {}
        threads = [threading.Thread(target=lambda name=name: answers.update({name: nginx.get("/", user=name).status}))
                   for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong = {name: status for name, status in answers.items() if status != (403 if name.startswith("nobody") else 200)}
        is_(wrong, {}, "60 at once are told apart")
        count = kinds(sim)
        note(f"{count}")
        ok(3 <= count["users?emails"] <= 6, "... by some 20 addresses in each request")
        is_(nginx.complaints(), [], "nginx has nothing to complain of")
    sim.clear_faults()


def run_sync():
    """Its status, its standard output, its largest resident size in kB."""
    process = subprocess.Popen([CLI, "sync"], stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, said, usage.ru_maxrss


def sync(sim, gate):
    gate.forget()
    sim.clear_requests()
    sim.rate(LIMIT)
    with subprocess.Popen([CLI, "sync"], stdout=subprocess.DEVNULL) as process:
        sim.wait_requests(200, 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = [line["query"] for line in sim.requests(endpoint="users", status=200)]
    lists = [line["path"] for line in sim.requests(endpoint="project-users", status=200)]
    is_(words("extra007@example.com", "some"), "allow ok", "people at the door do not wait for it")
    before = len(sim.requests())
    status, said, kilobytes = run_sync()
    is_(status, 0, "a sync that was killed is taken up")
    note(f"{kilobytes} kB at most; {len(done)} pages and {len(lists)} lists before")
    ok(kilobytes < 64 * 1024, "... in less than 64 MB")
    rest = sim.requests()[before:]
    ok(len(set(done) & {line["query"] for line in rest if line["endpoint"] == "users"}) <= 1, "... asks again for no page")
    ok(len(set(lists) & {line["path"] for line in rest if line["endpoint"] == "project-users"}) <= 1, "... and for no list")
    like(said, rf"(?m)^users: {PEOPLE} rows, \d+ requests after \d+ pages of an earlier run", "... until all 500 pages are there")
    is_([line for line in sim.requests() if line["status"] == 429], [], "never more than the pace")
    window = [line["time"] for line in sim.requests(endpoint="users")]
    most = max(sum(1 for other in window if time <= other < time + 60) for time in window)
    note(f"{most} requests in the fullest minute")
    ok(most <= LIMIT, "... in no minute of the log")
    sim.clear_requests()
    is_(words("user49800@example.com"), "allow ok", "afterwards the last of them is known")
    is_(words("nobody@example.com"), "deny not-a-member", "... and who is none")
    is_(words("extra039@example.com", "some"), "allow ok", "... and who is in the fortieth project")
    is_(words("extra040@example.com", "some"), "deny project", "... or in one that no policy names")
    is_(kinds(sim), {}, "... without a request")
    size = sum(os.path.getsize(f"{CACHE}/lists/{name}") for name in os.listdir(f"{CACHE}/lists"))
    note(f"{size // 1024} kB of lists")


def main():
    install()
    with Simulator("/srv/sim") as sim:
        sim.organization(organization(sim))
        gate = Gate(sim, {"any": {"role": "owner reader"}, "some": {"project": " ".join(NAMED)}},
                    identity={"email": "%u", "map_file": ""}, api={"timeout": "20s", "requests_per_minute": str(LIMIT)},
                    cache={"ttl": "1h", "negative_ttl": "1h"})
        too_large(sim, gate)
        sync(sim, gate)
        is_(sim.errors(), "", "the simulator had no trouble")
    done_testing()


main()
