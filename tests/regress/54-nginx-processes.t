#!/usr/bin/python3
"""Workers come and go while people wait at the web door: reload, quit, kill;
what a reload takes over; connections that run short; memory."""

import collections
import os
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import Gate
from nginx import DIRECTORY, PORT, Nginx, fresh, sanitized
from sim import Simulator
from tap import done_testing, is_, ok, skip
from wait import until

POLICIES = {"any": {"role": "owner reader"}, "owner": {"role": "owner"}}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com"}
API = {"timeout": "20s", "requests_per_minute": 6000}
SERVER = f"""
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:{PORT};
        openai_gate any;
        location / {{ }}
        location /free/ {{ openai_gate off; alias {DIRECTORY}/html/; }}
        location /status {{ openai_gate off; openai_gate_status; }}
    }}
"""
KILLED = r"exited on signal 9"


class Waiting:
    """Clients with one request each, on their connections."""

    def __init__(self, count):
        self.socks = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", PORT), 60)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-User: ann\r\nConnection: close\r\n\r\n")
            self.socks.append(sock)

    def statuses(self):
        found = collections.Counter()
        for sock in self.socks:
            text = b""
            try:
                while piece := sock.recv(65536):
                    text += piece
            except ConnectionResetError:
                pass
            sock.close()
            found[text.split()[1].decode() if text else "none"] += 1
        return found


def slowly(count, ms=1200):
    """So many clients wait for one answer of the API, on a cold store."""
    nginx.forget()
    simulator.clear_requests()
    simulator.fault("delay", ms=ms, times=1)
    waiting = Waiting(count)
    simulator.wait_requests(1)
    accepted = until(lambda: nginx.connections() >= count)
    ok(accepted, f"{count} clients wait")
    return waiting


def asking():
    """The worker that has a connection to the API."""
    port = f":{simulator.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        inodes = {line.split()[9] for line in file if line.split()[2].endswith(port) and line.split()[3] == "01"}
    for pid in nginx.worker_pids():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
            if match and match[1] in inodes:
                return pid
    return None


def restart(main="", events="worker_connections 1024;", **more):
    """Another nginx, on a cold store."""
    fresh()
    started = Nginx(SERVER, main=main, events=events, **more)
    started.start()
    return started


simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, POLICIES, USERS, api=API)
nginx = restart()

# Reload and quit while people wait.

waiting = slowly(20)
ok(nginx.reload(wait_old=False), "a reload while they wait")
is_(waiting.statuses(), {"200": 20}, "a reload: all are answered by the old workers")
ok(until(lambda: len(nginx.worker_pids(ending=True)) == 2), "a reload: which are gone then")
is_(nginx.get(user="ann").status, 200, "a reload: the new ones serve")
is_(len(simulator.requests()), 1, "a reload: from the same store")

waiting = slowly(20)
is_(nginx.quit(), 0, "a graceful end while they wait")
is_(waiting.statuses(), {"200": 20}, "a graceful end: all are answered first")
is_(nginx.complaints(), [], "the log is clean")

nginx = restart()
is_(nginx.get(user="ann").status, 200, "a first answer")
before = len(simulator.requests())
nginx.quit()
nginx = Nginx(SERVER)
nginx.start()
is_((nginx.get(user="ann").status, len(simulator.requests())), (200, before), "the store survives a restart")

waiting = slowly(5, ms=60000)
is_(nginx.stop(), 0, "a fast end while they wait")
is_(waiting.statuses(), {"none": 5}, "a fast end: answers nobody")
is_(nginx.complaints(), [], "the log is clean")

nginx = restart(main="worker_shutdown_timeout 1s;")
waiting = slowly(5, ms=60000)
is_(nginx.quit(), 0, "worker_shutdown_timeout while they wait")
is_(waiting.statuses(), {"none": 5}, "worker_shutdown_timeout: answers nobody")
is_(nginx.complaints(), [], "the log is clean")

# A worker dies in the middle of a check.

nginx = restart()
simulator.clear_requests()
simulator.fault("delay", ms=60000, times=1)
waiting = []
for worker in nginx.worker_pids():
    # While one stands still, all come to the other.
    os.kill(worker, signal.SIGSTOP)
    waiting.append(Waiting(20))
    ok(until(lambda: nginx.connections() >= 20 * len(waiting)), "20 clients wait at one worker")
    os.kill(worker, signal.SIGCONT)
victim = until(asking)
ok(victim, "one worker asks, for both")
is_(len(simulator.requests()), 1, "by one request")
os.kill(victim, signal.SIGKILL)
is_(sorted((clients.statuses() for clients in waiting), key=str), [{"200": 20}, {"none": 20}],
    "kill -9 of the worker that asks: the other's clients are answered")
ok(until(lambda: len(nginx.worker_pids()) == 2), "kill -9: there are two workers again")
is_(nginx.get(user="ann").status, 200, "kill -9: they serve")
is_(nginx.complaints(but=KILLED), [], "the log is clean")
simulator.clear_faults()

# Reloads under load.

settings.configure(cache={"ttl": "1s", "negative_ttl": "1s", "stale_ttl": "0"})
ok(nginx.reload(), "facts that are good for a second")
simulator.fault("delay", ms=100)
statuses = collections.Counter()
lock = threading.Lock()
enough = threading.Event()


def visitor():
    mine = collections.Counter()
    while not enough.is_set():
        try:
            mine[nginx.get(user="ann").status] += 1
        except OSError as error:
            mine[str(error)] += 1
    with lock:
        statuses.update(mine)


threads = [threading.Thread(target=visitor) for _ in range(16)]
for thread in threads:
    thread.start()
reloads = [bool(nginx.reload(wait_old=False)) for _ in range(6)]
enough.set()
for thread in threads:
    thread.join()
simulator.clear_faults()
is_(reloads, [True] * 6, "six reloads under load")
is_(set(statuses), {200}, f"lose none of {statuses.total()} requests")
ok(statuses.total() > 100, "which were many")
ok(until(lambda: len(nginx.worker_pids(ending=True)) == 2), "and leave no old worker behind")

# What a reload takes over.

settings.configure(cache={"ttl": "10m"}, users=USERS | {"ben": "ben@example.com"})
is_(nginx.get(user="ben").status, 403, "a new line of the map counts")
nginx.reload()
is_(nginx.get(user="ben").status, 200, "after a reload")
settings.configure(policies=POLICIES | {"any": {"role": "owner"}})
nginx.reload()
is_((nginx.get(user="ben").status, nginx.get(user="olivia").status), (403, 200), "a policy counts after a reload")
settings.configure(policies=POLICIES)
nginx.reload()
simulator.change(admin_key="sk-admin-another")
nginx.forget()
is_(nginx.get(user="ann").status, 500, "a key that is refused")
Gate(simulator, POLICIES, USERS, api=API)
nginx.reload()
nginx.forget()
is_(nginx.get(user="ann").status, 200, "a new key counts after a reload")
with open("/etc/openai-gate/gate.conf", "a", encoding="utf-8") as file:
    file.write("nonsense\n")
mark = nginx.mark()
nginx.process.send_signal(signal.SIGHUP)
ok(nginx.wait_log(r"\[emerg\] .*openai_gate: /etc/openai-gate/gate.conf:\d+", mark), "a broken gate.conf is told")
is_(nginx.get(user="ann").status, 200, "and changes nothing")
settings.configure()

# Memory.

nginx.reload()


def master_memory():
    with open(f"/proc/{nginx.process.pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", file.read(), re.M)[1])


sizes = []
for _ in range(12):
    nginx.reload()
    sizes.append(master_memory())
ok(sizes[-1] - sizes[3] < 256, f"reloads: the master does not grow: {sizes}")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(but=rf"{KILLED}|credential|users: HTTP 401|gate.conf:\d+"), [], "the log is clean")

# One worker, or who is served by which decides what each has touched.
nginx = restart(workers=1)
sizes = []
for turn in range(16):
    nginx.forget()
    for number in range(100):
        nginx.get(user=("ann", "olivia", f"x{number}")[number % 3])
    sizes += nginx.memory()
if sanitized():
    skip("cold stores, again and again: the worker does not grow", "a sanitizer keeps what is freed")
else:
    ok(sizes[-1] - sizes[3] < 128, f"cold stores, again and again: the worker does not grow: {sizes}")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")

# Connections run short: one listens, one is the channel, one is ours; when
# only two are left nginx closes idle ones.

nginx = restart(workers=1, events="worker_connections 32;")
waiting = slowly(26)
is_(waiting.statuses(), {"200": 26}, "all connections taken by clients that wait: they are answered")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")

# Without a master.

settings.configure(users=USERS)
nginx = restart(workers=0, user="root")
is_((nginx.get(user="ann").status, nginx.get(user="ben").status), (200, 403), "master_process off")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")

is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
