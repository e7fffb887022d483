"""The same static file behind each gate, everything known: one worker, 64
connections, a person chosen anew for each request. Short alternating slices.
The worker's processor time for a request says more than the throughput where
other programs run beside it."""

import os
import re
import statistics
import subprocess

import bench
import nginx

SLICE = "1s"
SOCKET = f"{nginx.DIRECTORY}/auth.sock"

# A wrk script: who asks. Text is made once, since wrk runs beside nginx.
_ASK = """\
local ready, at = {}, 0
function init()
    for i = 0, 9999 do
        ready[i] = wrk.format("GET", "%s", { ["X-User"] = "person" .. (i * %d) %% %d })
    end
end
function request()
    at = (at + 7919) %% 10000
    return ready[at]
end
"""

_SERVER = """
    keepalive_requests 1000000000;
    access_log off;
    openai_gate_config %(conf)s;
    openai_gate_cache %(store)s;
    openai_gate_identity $http_x_user;
    upstream local { server unix:%(socket)s; keepalive 64; }
    server {
        listen unix:%(socket)s;
        location / { return 204; }
    }
    server {
        listen 127.0.0.1:8080;
        location /none/ { alias %(html)s/; }
        location /gate/ { openai_gate bench; alias %(html)s/; }
        location /request/ { auth_request /ask; alias %(html)s/; }
        location = /ask {
            internal;
            proxy_pass http://local;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
        }
    }
"""

ROWS = (("none", "no gate", ""), ("gate", "openai_gate", "0.98 (1M: 0.93)"),
        ("request", "auth_request to a unix socket", "ours at least 1.4 times"))


def _processor_ms(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _slice(place, people, pid):
    """Requests a second, and microseconds of the worker's time for each."""
    script = f"{bench.PLACE}/ask-{place}.lua"
    bench.gate.write(script, _ASK % (f"/{place}/index.html", max(people // 10000, 1), people))
    before = _processor_ms(pid)
    said = bench.run("wrk", "-t1", "-c64", f"-d{SLICE}", "-s", script, "http://127.0.0.1:8080/")
    used = _processor_ms(pid) - before
    requests = int(re.search(r"(\d+) requests in", said)[1])
    if "Non-2xx" in said or not requests:
        raise RuntimeError(f"{place}: {said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), used * 1000 / requests


def _measure(people, rows):
    conf = bench.conf(f"web-{people}", api="base_url = none")
    store = bench.store(f"web-{people}")
    bench.run(bench.program("fill"), conf, str(people))
    subprocess.run(["chown", "-R", "www-data:", store], check=True)
    text = _SERVER % {"conf": conf, "store": store, "socket": SOCKET, "html": f"{nginx.DIRECTORY}/html"}
    server = nginx.Nginx(text, events="worker_connections 2048;", workers=1, level="error")
    results = {place: ([], []) for place, _, _ in rows}
    with server:
        pid = server.worker_pids()[0]
        for place, _, _ in rows:
            _slice(place, people, pid)
        for turn in range(bench.ROUNDS // 4):
            for place, _, _ in rows if turn % 2 else reversed(rows):
                rate, used = _slice(place, people, pid)
                results[place][0].append(rate)
                results[place][1].append(used)
    return results


def table():
    bench.title("nginx: the same file behind each gate, warm",
                f"one worker, 64 connections, slices of {SLICE}, ratios of neighbours")
    print(f"{'':44}{'requests/s':>11}{'ratio':>7}  {'[quartiles]':15}{'µs CPU':>8}{'more':>7}{'ratio':>7}  goal")
    for people in (10_000, 1_000_000):
        results = _measure(people, ROWS if people == 10_000 else ROWS[:2])
        base, base_used = results["none"]
        for place, name, goal in ROWS:
            if place not in results:
                continue
            rates, used = results[place]
            ratios = [mine / other for mine, other in zip(rates, base)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            more = statistics.median(used) - statistics.median(base_used)
            print(f"{f'{name}, {people:,} people':44}{statistics.median(rates):11,.0f}{middle:7.2f}  "
                  f"[{low:.2f} … {high:.2f}]  {statistics.median(used):8.2f}{more:7.2f}"
                  f"{statistics.median(base_used) / statistics.median(used):7.2f}  {goal}".rstrip())
        if "request" in results:
            against = [mine / other for mine, other in zip(results["gate"][0], results["request"][0])]
            print(f"openai_gate against auth_request: {statistics.median(against):.2f} by throughput, "
                  f"{statistics.median(results['request'][1]) / statistics.median(results['gate'][1]):.2f} by processor time")
