"""Another location while checks wait: its latency with 64 of them pending on a
silent API, and on a DNS server that never answers, against none pending."""

import re
import socket
import statistics

import bench
import nginx
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


def compare(name, base_url):
    conf = bench.conf("nginx-waiting", api=f"base_url = {base_url}\nkey_file = /etc/openai-gate/admin.key\ntimeout = 60s")
    server = nginx.Nginx(f"openai_gate_config {conf}; {HTTP}", workers=1, level="error", main="worker_shutdown_timeout 1s;")
    idle, busy = [], []
    with server:
        latency()
        for _ in range(max(bench.ROUNDS // 4, 3)):
            idle.append(latency())
            with Pending():
                busy.append(latency())
    for at, part in ((0, "median"), (1, "p99")):
        ratios = [b[at] / i[at] for i, b in zip(idle, busy)]
        print(f"{name:34}{part:8}{statistics.median(one[at] for one in idle):10.0f} us idle"
              f"{statistics.median(one[at] for one in busy):10.0f} us waiting{statistics.median(ratios):8.2f}"
              f"{'  1.2' if at else ''}")


def table():
    bench.title(f"NGINX: another location while {MANY} checks wait; one worker, 4 connections")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(MANY)
        compare("silent API", f"https://127.0.0.1:{silent.getsockname()[1]}/v1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 53))
        bench.gate.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
        compare("DNS server that never answers", "https://api.example.org/v1")
