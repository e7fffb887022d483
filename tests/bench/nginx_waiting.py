"""Another location while checks wait: its latency with 64 of them pending on a
silent API, and on a DNS server that never answers, against none pending."""

import re
import socket

import bench
import nginx
from result import Table
from wait import until

MANY = 64
SECONDS = 2

HTTP = f"""
    openai_gate_identity $http_x_user;
    access_log off;
    server {{
        listen 127.0.0.1:{nginx.PORT};
        keepalive_requests 1000000000;
        location /none {{ alias {nginx.DIRECTORY}/html/index.html; }}
        location /gate {{ openai_gate bench; alias {nginx.DIRECTORY}/html/index.html; }}
    }}
"""

UNITS = {"us": 1, "ms": 1000, "s": 1000000}


class Pending:
    """Requests that nobody answers, while this is entered."""

    def __enter__(self):
        self.socks = []
        for number in range(MANY):
            sock = socket.create_connection(("127.0.0.1", nginx.PORT))
            sock.sendall(f"GET /gate HTTP/1.1\r\nHost: x\r\nX-User: person{number}\r\n\r\n".encode())
            self.socks.append(sock)
        until(lambda: nginx.Nginx.connections() >= MANY)
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()


def latency():
    """(median, p99) in microseconds, at a load that leaves the worker idle at
    times."""
    said = bench.run("wrk", "-t1", "-c4", f"-d{SECONDS}s", "--latency", f"http://127.0.0.1:{nginx.PORT}/none")
    found = [re.search(rf"{part}%\s+([\d.]+)(us|ms|s)", said) for part in (50, 99)]
    return [float(one[1]) * UNITS[one[2]] for one in found]


def _measure(table, name, base_url):
    conf = bench.conf("nginx-waiting", api=f"base_url = {base_url}\nkey_file = /etc/openai-gate/admin.key\ntimeout = 60s")
    server = nginx.Nginx(f"openai_gate_config {conf}; {HTTP}", workers=1, level="error", main="worker_shutdown_timeout 1s;")
    idle, busy = [], []
    with server:
        latency()
        for _ in range(max(bench.ROUNDS // 4, 3)):
            idle.append(latency())
            with Pending():
                busy.append(latency())
    for at, part in enumerate(("median", "p99")):
        base = table.alone(f"{name}: {part}, none wait", [one[at] for one in idle])
        row = table.against(base, f"{name}: {part}, {MANY} wait", [one[at] for one in busy])
    row.at_most("1.2 of none", row.ratio().median, 1.2)


def tables():
    table = Table("nginx_waiting", f"nginx: another location while {MANY} checks wait", "µs")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(MANY)
        _measure(table, "silent API", f"https://127.0.0.1:{silent.getsockname()[1]}/v1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 53))
        bench.gate.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
        _measure(table, "silent DNS server", "https://api.example.org/v1")
    table.note(f"one worker, 4 connections, slices of {SECONDS} s")
    yield table
