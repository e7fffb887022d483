#!/usr/bin/python3
"""enforce = no at the web door: it refuses nobody whom the others let in, and
lets nobody in whom they refuse; what it would do is in the log and in the
variables."""

import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import Gate, write
from nginx import DIRECTORY, Nginx
from sim import Simulator
from tap import done_testing, is_, like, unlike

DRY = {"role": "owner", "enforce": "no"}
POLICIES = {"dry": DRY, "live": {"role": "owner"}}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com", "zoe": "zoe@example.com"}
PASSWORDS = f"auth_basic x; auth_basic_user_file {DIRECTORY}/passwords;"
DOOR = f"alias {DIRECTORY}/html/;"

simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICIES, USERS, api={"requests_per_minute": 600, "timeout": "3s"})
nginx = Nginx(f"""
    openai_gate dry;
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:8080;
        add_header X-Verdict "$openai_gate_verdict $openai_gate_reason" always;
        location /all/ {{ {DOOR} }}
        location /live/ {{ openai_gate live; {DOOR} }}
        location /basic/ {{ {PASSWORDS} openai_gate_identity $remote_user; {DOOR} }}
        location /address/ {{ deny all; {DOOR} }}
        location /any/ {{ satisfy any; {PASSWORDS} openai_gate_identity $remote_user; {DOOR} }}
        location /any-header/ {{ satisfy any; {PASSWORDS} {DOOR} }}
        location /any-address/ {{ satisfy any; deny all; {DOOR} }}
        location /any-local/ {{ satisfy any; allow 127.0.0.1; deny all; {DOOR} }}
        location /try/ {{ try_files /none /live/index.html =404; }}
    }}
""")
write(f"{DIRECTORY}/passwords", "".join(f"{user}:{{PLAIN}}{user}'s\n" for user in USERS))


def password(user, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def asked(path, status, words, name, user=None, headers=None, level=None):
    """words None: the gate is not asked. level: of the line in the log."""
    mark = nginx.mark()
    answer = nginx.get(f"{path}index.html", user=user, headers=headers)
    is_(answer.status, status, f"{name}: {status}")
    is_((answer.header("X-Verdict") or "").strip(), words or "", f"{name}: the variables say {words or 'nothing'}")
    is_(answer.header("Retry-After"), None, f"{name}: no Retry-After")
    lines = [(level, f'{said["verdict"]} {said["reason"]}', said["enforced"]) for level, said in nginx.decisions(mark)]
    is_(lines, [(level, words, False)] if words else [], f"{name}: so does the log")


status, said = nginx.test()
is_(status, 0, "nginx -t accepts it")
like(said, r"\[warn\] .*/etc/openai-gate/gate.conf:\d+: \[policy dry\] is NOT ENFORCED", "and warns")
is_(said.count("NOT ENFORCED"), 1, "once, and not of the other policy")
nginx.start()

asked("/all/", 200, "deny role", "a reader", "ann", level="warn")
asked("/all/", 200, "deny role", "a reader, from memory", "ann", level="warn")
asked("/all/", 200, "deny not-a-member", "no member", "zoe", level="warn")
asked("/all/", 200, "deny no-identity", "nobody", None, level="warn")
asked("/all/", 200, "deny bad-name", "a bad name", "-a", level="warn")
asked("/all/", 200, "allow ok", "an owner", "olivia", level="info")
is_(nginx.get("/live/", user="ann").status, 403, "the other policy is in force")

asked("/basic/", 401, None, "a wrong password", headers=password("olivia", "guess"))
asked("/basic/", 200, "deny role", "a reader's password", headers=password("ann", "ann's"), level="warn")
asked("/address/", 403, None, "an address that is refused", "olivia")

for user, words, level in (("olivia", "allow ok", "info"), ("ann", "deny role", "warn")):
    asked("/any-header/", 401, words, f"satisfy any, {user}, no password, a name that needs none", user, level=level)
    asked("/any/", 401, "deny no-identity", f"satisfy any, {user}, wrong password", headers=password(user, "guess"), level="warn")
    asked("/any/", 200, None, f"satisfy any, {user}'s password", headers=password(user, f"{user}'s"))
    asked("/any-address/", 403, words, f"satisfy any, {user}, an address that is refused", user, level=level)
asked("/any-local/", 200, None, "satisfy any, an address that is allowed", "zoe")

# Outages pass too, and are asked about once in a request.

for fault, words, level in ((503, "unavailable server-error", "warn"), ("silence", "unavailable timeout", "warn"),
                            (401, "misconfigured credential", "alert")):
    nginx.forget()
    simulator.fault(fault)
    asked("/all/", 200, words, f"{fault}", "ann", level=level)
    asked("/any-address/", 403, words, f"{fault}: satisfy any, an address that is refused", "ann", level=level)
    simulator.clear_faults()

# In force again after a reload.

gate.configure(policies={"dry": {"role": "owner"}, "live": {"role": "owner"}})
nginx.forget()
mark = nginx.mark()
nginx.reload()
unlike(nginx.log()[mark:], "NOT ENFORCED", "after the change: no warning")
is_([nginx.get("/all/", user=user).status for user in USERS], [403, 200, 403], "after the change: in force")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(but=r"would be misconfigured credential|users: HTTP 401 "), [], "the log is clean")
done_testing()
