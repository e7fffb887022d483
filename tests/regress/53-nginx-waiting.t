#!/usr/bin/python3
"""Checks that wait: for a silent API, a DNS server that never answers, each
other; clients that leave; and nothing else that waits with them."""

import collections
import os
import re
import select
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import certificates
from gate import Gate, write
from nginx import DIRECTORY, PORT, Nginx
from sim import Simulator
from tap import done_testing, is_, ok
from wait import until

PEOPLE = 100
ORGANIZATION = {
    "admin_key": "sk-admin-waiting", "name": "Waiting", "id": "org-waiting",
    "generate": [{"users": PEOPLE, "pattern": "p%d@example.com", "role": "reader", "projects": {"proj_a": "member"}}],
    "projects": [{"id": "proj_a", "name": "A", "members": {}}],
}
POLICIES = {"any": {"role": "owner reader"}, "both": {"role": "owner reader", "project": "proj_a"}}
MANY = 64


class Waiting:
    """Many clients, each with one request at the gate, on its connection."""

    def __init__(self, count=MANY, path="/any/page.html", name="p{}"):
        self.socks = []
        for i in range(count):
            sock = socket.create_connection(("127.0.0.1", PORT), 60)
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-User: {name.format(i % PEOPLE + 1)}\r\n"
                         "Connection: close\r\n\r\n".encode())
            self.socks.append(sock)

    def answered(self):
        return len(select.select(self.socks, [], [], 0)[0])

    def statuses(self):
        """How many had which, when all have come."""
        found = collections.Counter()
        for sock in self.socks:
            text = b""
            while piece := sock.recv(65536):
                text += piece
            found[text.split()[1].decode() if text else "none"] += 1
        self.leave()
        return found

    def leave(self):
        for sock in self.socks:
            sock.close()


def pending(count):
    """Until nginx has so many clients' connections, as its own status says."""
    def there():
        text = nginx.get("/connections").body
        return int(re.search(r"Active connections: (\d+)", text)[1]) == count + 1
    return until(there)


def others_pass(name, waiting):
    """100 requests elsewhere, at both workers, while these wait."""
    done = collections.Counter(nginx.get("/free/page.html").status for _ in range(100))
    is_(done, {200: 100}, f"{name}: another location answers")
    is_(waiting.answered(), 0, f"{name}: before any of {len(waiting.socks)} that wait")


def settled():
    """Descriptors of the workers, once all clients are gone."""
    pending(0)
    return nginx.descriptors()


made = certificates.make("/var/tmp/sim")
simulator = Simulator("/var/tmp/sim", organization=ORGANIZATION)
settings = Gate(simulator, POLICIES, api={"timeout": "3s", "requests_per_minute": 600},
                identity={"email": "%u@example.com"})
nginx = Nginx(f"""
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:{PORT} reuseport;
        listen 127.0.0.1:8443 ssl http2;
        ssl_certificate {made["good"][0]};
        ssl_certificate_key {made["good"][1]};
        location /any/ {{ openai_gate any; alias {DIRECTORY}/html/; }}
        location /both/ {{ openai_gate both; alias {DIRECTORY}/html/; }}
        location /free/ {{ alias {DIRECTORY}/html/; }}
        location /connections {{ stub_status; }}
    }}
""")
nginx.page("page.html", "page\n")
nginx.start()

# An API that is silent.

simulator.fault("silence")
waiting = Waiting()
ok(pending(MANY), f"{MANY} wait for a silent API")
others_pass("a silent API", waiting)
is_(waiting.statuses(), {"503": MANY}, "a silent API: all are told at the deadline")
asked = len(simulator.requests())
ok(asked <= 2, f"a silent API: {asked} requests, not one for each")
simulator.clear_faults()
nginx.forget()

# TLS that never begins.

simulator.fault("tls-silence")
waiting = Waiting()
ok(pending(MANY), "TLS that never begins: they wait")
others_pass("TLS that never begins", waiting)
is_(waiting.statuses(), {"503": MANY}, "TLS that never begins: all are told")
simulator.clear_faults()
nginx.forget()

# Clients that leave.

TURNS = 6
counts = []
for turn in range(TURNS):
    simulator.clear_requests()
    simulator.fault("delay", ms=700, times=2)
    waiting = Waiting(path="/both/page.html")
    ok(pending(MANY), f"leaving, turn {turn}: {MANY} wait")
    simulator.wait_requests(2)
    waiting.leave()
    counts.append(sum(settled()))
    # Both lists come in, though nobody waits for them any more.
    until(lambda: len(os.listdir(f"{nginx.cache}/lists")) == 2)
    nginx.next_second()
    is_(nginx.get("/both/page.html", user="p1").status, 200, f"leaving, turn {turn}: the store was filled")
    is_(len(simulator.requests()), 2, f"leaving, turn {turn}: by what had been asked")
    nginx.forget()
# An idle connection to the API comes or goes; a leak would show at each turn.
ok(counts[-1] - counts[0] < TURNS - 1, f"leaving: descriptors are back: {counts}")
ok("client prematurely closed" in nginx.log(), "nginx noticed that they left")

# The same over HTTP/2, where the client is one connection with many streams.

simulator.clear_requests()
simulator.fault("delay", ms=700, times=1)
curl = subprocess.Popen(["curl", "-s", "--http2", "--cacert", made["ca"], "--parallel", "-H", "X-User: p1",
                         *["https://localhost:8443/any/page.html"] * 20], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
simulator.wait_requests(1)
curl.kill()
curl.wait()
pending(0)
until(lambda: os.listdir(f"{nginx.cache}/lists"))
nginx.next_second()
is_(nginx.get("/any/page.html", user="p2").status, 200, "leaving, HTTP/2: the store was filled")
is_(len(simulator.requests()), 1, "leaving, HTTP/2: by one request")
nginx.forget()

# A cold burst at two workers.

REQUESTS = 2000
for turn in range(2):
    simulator.clear_requests()
    statuses = collections.Counter()
    lock = threading.Lock()

    def person(number):
        mine = [nginx.get("/both/page.html", user=f"p{number}").status for _ in range(REQUESTS // PEOPLE)]
        with lock:
            statuses.update(mine)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(1, PEOPLE + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_(statuses, {200: REQUESTS}, f"a cold burst, turn {turn}: {REQUESTS} requests of {PEOPLE} people are answered")
    paths = sorted(request["path"] for request in simulator.requests())
    is_(paths, ["/v1/organization/projects/proj_a/users", "/v1/organization/users"],
        f"a cold burst, turn {turn}: one request for each list")
    nginx.forget()
served = {line.split("#")[0].split()[-1] for line in nginx.log().splitlines() if "client 127.0.0.1 closed" in line}
is_(len(served), 2, "both workers had their part")

# A DNS server that never answers.

blackhole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
blackhole.bind(("127.0.0.1", 53))
write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
settings.configure(api={"base_url": "https://api.example.org/v1"})
ok(nginx.reload(), "reloaded, with a DNS server that never answers")
waiting = Waiting()
ok(pending(MANY), "a dead DNS server: they wait")
others_pass("a dead DNS server", waiting)
is_(waiting.statuses(), {"503": MANY}, "a dead DNS server: all are told at the deadline")
waiting = Waiting(count=2)
ok(pending(2), "a dead DNS server: two more wait")
is_(nginx.quit(), 0, "a dead DNS server: nginx ends when it is told to")
is_(waiting.statuses(), {"503": 2}, "and answers them first")
blackhole.close()

is_(nginx.complaints(), [], "the log is clean")
is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
