#!/usr/bin/python3
"""Every system call that can fail, and every allocation, is made to fail once
in an nginx that serves: a stranger gets no page, a member is no stranger, the
process lives on with as many descriptors as before, and decides right at once."""

import concurrent.futures
import http.client
import itertools
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

import failnth
from gate import Gate
from nginx import PORT, Nginx
from sim import Simulator
from tap import diag, done_testing, is_, ok
from wait import until

USERS = {"wendy": "wendy.web@example.com", "eve": "eve@example.org"}
# None: nginx closed the connection, or did not answer in time.
MAY = {"wendy": (200, 500, 503, None), "eve": (403, 500, 503, None)}
RIGHT = {"wendy": 200, "eve": 403}
PATIENCE = 3
ROUND = 60
# libcurl keeps a connection or not.
SPARE = 2
# No more than these in one round of requests.
MOST = 5000
# libjansson 2.14 and libcrypto die of some: see 93-failnth.t.
WHOSE = ((failnth.OTHERS, 1), (failnth.LIBJANSSON, 1), (failnth.LIBCRYPTO, 41))
OWNERS = {failnth.OTHERS: "nginx, libcurl and ours", failnth.LIBJANSSON: "libjansson", failnth.LIBCRYPTO: "libcrypto"}
AT_ONCE = 4
SHOWN = 8

simulator = Simulator("/run/sim")
policies = {"p": {"role": "owner reader", "project": "proj_web"}}
for number in range(ROUND):
    simulator.add_project(f"proj_{number}")
    simulator.add_member(f"proj_{number}", USERS["wendy"])
    policies[f"p{number}"] = {"role": "owner reader", "project": f"proj_{number}"}
# Nobody has time for a second attempt. The stranger is asked for each time; of
# the member it is each time another project that is not known.
gate = Gate(simulator, policies, USERS, api={"timeout": "450ms", "requests_per_minute": "6000"},
            cache={"ttl": "1s", "negative_ttl": "0", "stale_ttl": "0"})
# A connection for each request, with all that belongs to it.
simulator.fault("close-after")


class Served:
    """One nginx on a cold store, and what both people get of it."""

    def __init__(self, port):
        self.allocations = failnth.Allocations()
        self._port, directory = port, f"/srv/nginx{port}"
        if os.path.exists(directory):
            shutil.rmtree(directory)
        projects = "".join(f"location /{number}/ {{ openai_gate p{number}; alias {directory}/html/; }}\n"
                           for number in range(ROUND))
        self._rounds = itertools.cycle(range(ROUND))
        self.nginx = Nginx(f"""
            openai_gate_identity $http_x_user;
            server {{
                listen 127.0.0.1:{port};
                openai_gate p;
                add_header X-Reason $openai_gate_reason always;
                {projects}
            }}""", workers=0, user="root", directory=directory, environment=self.allocations.environment)
        self.nginx.start()
        if not until(self._right):
            raise RuntimeError(self.nginx.log())
        self.wrong, self.struck, self._lived = [], 0, True
        self._before = self._descriptors()

    @property
    def pid(self):
        return self.nginx.process.pid

    def _get(self, user, path="/"):
        """Status and reason."""
        try:
            answer = self.nginx.get(path, user=user, port=self._port, timeout=PATIENCE)
        except (OSError, http.client.HTTPException):
            return None, None
        return answer.status, answer.header("X-Reason")

    def _hurry(self):
        """After a failure the next request would wait."""
        if os.path.exists(f"{self.nginx.cache}/pace"):
            os.unlink(f"{self.nginx.cache}/pace")

    def _right(self):
        self._hurry()
        return all(self._get(user)[0] == status for user, status in RIGHT.items())

    def _ended(self):
        return self.nginx.process.poll() is not None

    def _descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def ask(self):
        """Both of them; what is wrong with the answers."""
        self._hurry()
        wrong, path = [], f"/{next(self._rounds)}/"
        for user in ("eve", "wendy"):
            status, reason = self._get(user, path)
            # A page that nginx itself may not read is no verdict.
            if status not in MAY[user] and not (user == "wendy" and status in (403, 404) and reason == "ok"):
                wrong.append(f"{user}: {status} {reason}")
        return wrong

    def review(self, what, wrong, may_die=False):
        """After a fault; a process that is gone is followed by another. One
        that dies has closed its connections some time before it has ended."""
        settled = until(lambda: self._ended() or self._right(), timeout=10)
        if self._ended():
            self._lived = False
            if not may_die:
                wrong.append(f"ended: {self.nginx.process.returncode}")
            self.nginx.start()
            settled = until(self._right, timeout=10)
        if not settled:
            wrong.append(f"wrong afterwards: {[self._get(user) for user in RIGHT]}")
        self.wrong += [f"{what}: {one}" for one in wrong]

    def end(self, closes=True):
        """Without `closes`, descriptors cannot be counted."""
        if closes and self._lived and not until(lambda: self._descriptors() <= self._before + SPARE, timeout=5):
            self.wrong.append(f"{self._before} descriptors before, {self._descriptors()} after")
        self.nginx.kill()
        with self.allocations:
            return self.struck, self.wrong


def fail_calls(port, call, error):
    served = Served(port)
    for n in range(1, MOST):
        with failnth.Attached(served.pid, call, error, n) as trace:
            wrong = served.ask()
        served.review(f"{call} {error} {n}", wrong)
        if not trace.failed:
            break
        served.struck += 1
    return served.end(closes=call != "close")


def fail_allocations(port, whose, step):
    served = Served(port)
    for n in range(0, MOST, step):
        served.allocations.fail(n, whose)
        wrong = served.ask()
        failed = served.allocations.failed()
        served.allocations.fail(-1)
        served.review(f"allocation {n} {whose}", wrong, may_die=whose != failnth.OTHERS)
        if not failed:
            break
        served.struck += 1
    return served.end()


def calls():
    """(call, error) of all that a decision makes."""
    served = Served(PORT)
    with failnth.Attached(served.pid) as usual:
        is_(served.ask(), [], "what it does when nothing fails")
    served.end()
    known = sorted(usual.calls() & set(failnth.ERRORS))
    return [(call, failnth.ERRORS[call]) for call in known] + \
        [(call, "EINTR") for call in known if call in failnth.INTERRUPTED]


ports = itertools.count(PORT)
total = {fail_calls: 0, fail_allocations: 0}
tasks = [(fail_allocations, whose) for whose in WHOSE] + [(fail_calls, call) for call in calls()]
with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
    running = [(fail, words, pool.submit(fail, next(ports), *words)) for fail, words in tasks]
    for fail, words, run in running:
        struck, wrong = run.result()
        total[fail] += struck
        for line in wrong[:SHOWN]:
            diag(line)
        name = f"{words[0]} {words[1]}" if fail is fail_calls else f"allocations of {OWNERS[words[0]]}"
        is_(wrong, [], f"{name}: {struck} faults, none to harm")
ok(total[fail_calls] > 300, f"system calls: {total[fail_calls]}")
ok(total[fail_allocations] > 500, f"allocations: {total[fail_allocations]}")
done_testing()
