#!/usr/bin/python3
"""openai_gate_status: what two workers count together, over a reload that
brings other policies; strictly in Prometheus' text format."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import prometheus
from gate import Gate
from nginx import DIRECTORY, PORT, Nginx, fresh
from sim import Simulator
from tap import done_testing, is_, like, ok

ODD = "Web_2.x-" + "n" * 56
POLICIES = {"any": {"role": "owner reader"}, ODD: {"role": "owner"}, "pam-only": {"pam_services": "sshd", "role": "owner"}}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com"}


def server(*policies):
    gates = "".join(f"location /{name}/ {{ openai_gate {name}; alias {DIRECTORY}/html/; }}\n" for name in policies)
    return f"""
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:{PORT};
        {gates}
        location /status {{ openai_gate_status; }}
    }}
"""


def status():
    answer = nginx.get("/status")
    is_(answer.status, 200, "the counters")
    like(answer.header("Content-Type"), r"^text/plain; version=0\.0\.4$", "... for Prometheus")
    is_(int(answer.header("Content-Length")), len(answer.body), "... with their length")
    return prometheus.parse(answer.body)


def decisions(found, **labels):
    return found.value("openai_gate_decisions_total", **labels)


simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, POLICIES, USERS, api={"requests_per_minute": 6000, "timeout": "3s"})
fresh()
nginx = Nginx(server("any", ODD))
nginx.start()

found = status()
is_(sorted({one["policy"] for one in found.series("openai_gate_decisions_total")}), sorted(["any", ODD]),
    "before anybody comes: the policies in use are there, and no other")
is_({one["door"] for one in found.series("openai_gate_decisions_total")}, {"nginx"}, "... at this door")
is_(decisions(found), 0, "... with nothing counted")
is_({one["verdict"] for one in found.series("openai_gate_decisions_total")} & {"exempt"}, set(), "... and nobody exempt")
is_(found.value("openai_gate_oldest_fact_age_seconds"), None, "... no fact has an age")
is_(found.value("openai_gate_fact_limit_seconds"), 4200, "... but a limit")

# Both workers: each has connections of its own.
for _ in range(40):
    nginx.get("/any/", user="ann")
for _ in range(10):
    nginx.get(f"/{ODD}/", user="ann")
nginx.get(f"/{ODD}/", user="olivia")
nginx.get("/any/")
nginx.get("/any/", user="a/b")
found = status()
is_(decisions(found, policy="any", verdict="allow", reason="ok"), 40, "allowed, by policy")
is_(decisions(found, policy=ODD, verdict="deny", reason="role"), 10, "denied, by policy and reason")
is_(decisions(found, policy=ODD, reason="ok"), 1, "... and allowed")
is_(decisions(found, policy="any", reason="no-identity"), 1, "nobody's name")
is_(decisions(found, policy="any", reason="bad-name"), 1, "no name")
is_(decisions(found), 53, "and nothing else")
is_(found.value("openai_gate_cache_total"), 51, "where facts were asked for, it is said from where they came")
ok(found.value("openai_gate_cache_total", policy="any", cache="miss") >= 1, "... some from the API")
ok(found.value("openai_gate_cache_total", policy="any", cache="hit") >= 30, "... most from the store")
is_(found.value("openai_gate_api_requests_total", endpoint="users", status="200"), len(simulator.requests()), "requests")
# The worker that answers may hold no list; one of many does.
ages = []
for _ in range(50):
    ages.append(status().value("openai_gate_oldest_fact_age_seconds"))
    if ages[-1] is not None:
        break
ok(ages[-1] is not None and 0 <= ages[-1] < 120, "the oldest fact has an age")
is_(found.value("openai_gate_api_failures", endpoint="users"), 0, "no failures")

# A reload takes over what was counted; other policies come and go.
ok(nginx.reload(), "a reload")
found = status()
is_(decisions(found), 53, "a reload keeps the counts")
nginx.write(server("any", "pam-only"))
ok(nginx.reload(), "a reload with other policies")
nginx.get("/pam-only/", user="olivia")
found = status()
is_(decisions(found, policy="pam-only", reason="ok"), 1, "a new policy is counted")
is_(decisions(found, policy=ODD, reason="role"), 10, "what an old one has counted stays")
is_(decisions(found), 54, "nothing is lost or counted twice")

# An outage.
simulator.fault(429, style="none")
nginx.forget()
is_(nginx.get("/any/", user="ann").status, 503, "too many requests")
simulator.clear_faults()
found = status()
is_(decisions(found, policy="any", verdict="unavailable", reason="rate-limited"), 1, "... is counted")
ok(found.value("openai_gate_api_requests_total", endpoint="users", status="429") >= 1, "... with its requests")
ok(found.value("openai_gate_api_failures", endpoint="users") >= 1, "... failures in a row")
ok(found.value("openai_gate_api_backoff_seconds", endpoint="users") > 0, "... and the time until the next try")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")

# Mirror mode, and a status without any gate.
settings.configure(api={"base_url": "none"})
nginx = Nginx(server("any"))
nginx.start()
is_(decisions(status(), reason="ok"), 0, "base_url = none")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")
nginx = Nginx(server())
nginx.start()
is_(decisions(status()), None, "without a gate nothing is counted")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")
is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
