#!/usr/bin/python3
"""Requests at the web door: every verdict with its status, and the gate among
nginx's other machinery: methods, bodies, error pages, redirects, subrequests,
keep-alive, pipelining, HTTP/2, upgrades."""

import os
import re
import socket
import socketserver
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import certificates
from gate import Gate, write
from nginx import DIRECTORY, Nginx
from sim import Simulator
from tap import done_testing, is_, like, ok, unlike
from wait import until

POLICIES = {
    "any": {"role": "owner reader"},
    "owner": {"role": "owner"},
    "web": {"project": "proj_web"},
    "lead": {"project": "proj_web", "project_role": "owner"},
    "oncall": {"group": "group_01J8ONCALL7Q2M"},
}
USERS = {
    "olivia": "olivia.owner@example.com",
    "ann": "ann@example.com",
    "ben": "user-B3nP9xGm5TzRw1KyVa7CqDjLe",
    "wendy": "WENDY.web@Example.com",
    "bob": "bob.banned@example.com",
    "robot": "robot@example.com",
    "norah": "norah.norole@example.com",
    "ivan": "ivan.invited@example.com",
    "zoe": "zoe@example.com",
}

# policy, user, status, verdict and reason
DECISIONS = [
    ("any", "ann", 200, "allow ok"),
    ("any", "ben", 200, "allow ok"),
    ("owner", "olivia", 200, "allow ok"),
    ("web", "wendy", 200, "allow ok"),
    ("lead", "ann", 200, "allow ok"),
    ("oncall", "ben", 200, "allow ok"),
    ("any", "zoe", 403, "deny not-a-member"),
    ("owner", "ann", 403, "deny role"),
    ("any", "norah", 403, "deny role"),
    ("web", "ben", 403, "deny project"),
    ("lead", "wendy", 403, "deny project-role"),
    ("oncall", "ann", 403, "deny group"),
    ("any", "bob", 403, "deny account-disabled"),
    ("any", "robot", 403, "deny service-account"),
    ("any", "ivan", 403, "deny invite-pending"),
    ("any", "nobody", 403, "deny no-identity"),
    ("any", "a/b", 403, "deny bad-name"),
    ("any", "-ann", 403, "deny bad-name"),
    ("any", "a%nn", 403, "deny bad-name"),
    ("any", "\u00e4nn\x80", 403, "deny bad-name"),
    ("any", "x" * 4000, 403, "deny bad-name"),
    ("any", "", 401, "deny no-identity"),
    ("any", None, 401, "deny no-identity"),
]

# A fault of the API on a cold store: status, verdict and reason.
OUTAGES = [
    ("silence", 503, "unavailable timeout"),
    ("reset", 503, "unavailable network"),
    ("tls-garbage", 503, "unavailable network"),
    ("429", 503, "unavailable rate-limited"),
    ("503", 503, "unavailable server-error"),
    ("garbage", 503, "unavailable protocol"),
    ("truncated", 503, "unavailable protocol"),
    ("401", 500, "misconfigured credential"),
    ("403", 500, "misconfigured credential"),
]


class Upstream(socketserver.ThreadingTCPServer):
    """What nginx is in front of: tells what it was sent, upgrades, redirects."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 8090), Upstream.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            head = b""
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                head += line
            text = head.decode(errors="replace")
            length = re.search(r"(?i)^content-length: (\d+)", text, re.M)
            body = self.rfile.read(int(length[1])) if length else b""
            if re.search(r"(?im)^upgrade: echo", text):
                self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
                while line := self.rfile.readline():
                    self.wfile.write(b"echo " + line)
                return
            if "/accel" in text:
                self._say("", "X-Accel-Redirect: /protected/page.html")
            else:
                self._say(f"{text}{len(body)} bytes\n")

        def _say(self, text, *headers):
            data = text.encode()
            lines = ["HTTP/1.1 200 OK", "Connection: close", f"Content-Length: {len(data)}", *headers]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + data)


def last():
    """Verdict and reason of the last request of the access log."""
    words = until(lambda: nginx.accesses())[-1]
    return " ".join(words[3:5])


def asked(path="/", user=None, **more):
    """Status and decision of one request."""
    before = len(nginx.accesses()) if os.path.exists(nginx.access_log) else 0
    answer = nginx.get(path, user=user, **more)
    until(lambda: os.path.exists(nginx.access_log) and len(nginx.accesses()) > before)
    return answer, last()


upstream = Upstream()
made = certificates.make("/var/tmp/sim")
simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, POLICIES, USERS, api={"timeout": "3s", "requests_per_minute": 600})
LOCATIONS = "\n".join(f"location /{name}/ {{ openai_gate {name}; alias {DIRECTORY}/html/; }}" for name in POLICIES)
nginx = Nginx(f"""
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:8080;
        listen 127.0.0.1:8443 ssl http2;
        ssl_certificate {made["good"][0]};
        ssl_certificate_key {made["good"][1]};
        add_header X-Reason $openai_gate_reason always;
        {LOCATIONS}
        location /proxy/ {{
            openai_gate any;
            proxy_pass http://127.0.0.1:8090;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Gate "$openai_gate_verdict $openai_gate_email $openai_gate_user_id $openai_gate_role";
        }}
        location /protected/ {{ internal; openai_gate web; alias {DIRECTORY}/html/; }}
        location /pages/ {{
            openai_gate any;
            error_page 403 /denied.html;
            error_page 500 503 @down;
            alias {DIRECTORY}/html/;
        }}
        location = /denied.html {{ ssi on; }}
        location @down {{ return 503 "down: $openai_gate_reason"; }}
        location /again/ {{ openai_gate any; error_page 403 503 /again/no.html; alias {DIRECTORY}/html/; }}
        location /try/ {{ openai_gate any; try_files /none.html /web/page.html; }}
        location /ssi/ {{ openai_gate any; ssi on; alias {DIRECTORY}/html/; }}
        location /mirror/ {{ openai_gate any; mirror /copy; alias {DIRECTORY}/html/; }}
        location = /copy {{ internal; openai_gate owner; proxy_pass http://127.0.0.1:8090; }}
        location /ask/ {{ auth_request /inner; alias {DIRECTORY}/html/; }}
        location = /inner {{ internal; openai_gate owner; return 204; }}
        location /first/ {{ openai_gate any; auth_request /yes; alias {DIRECTORY}/html/; }}
        location = /yes {{ internal; return 204; }}
        location /upload/ {{ openai_gate any; client_max_body_size 10m; proxy_pass http://127.0.0.1:8090; }}
    }}
""")
nginx.page("page.html", "page\n")
nginx.page("denied.html", "denied: <!--#echo var='openai_gate_reason' -->\n")
nginx.page("part.html", "<!--#include virtual='/owner/page.html' -->|<!--#echo var='openai_gate_email' -->\n")
nginx.start()

# Every verdict.

for policy, user, status, words in DECISIONS:
    shown = repr(user)[:20]
    sent = {} if user is None else {"X-User": user.encode("latin-1")}
    answer, decided = asked(f"/{policy}/page.html", headers=sent)
    is_((answer.status, decided), (status, words), f"{shown} at {policy}: {status}, {words}")
    is_(answer.header("X-Reason"), words.split()[1], f"{shown} at {policy}: the page is told")
    is_(answer.header("Retry-After"), None, f"{shown} at {policy}: no Retry-After")
is_(len(simulator.requests(endpoint="users")), 1, "the organization was listed once")
is_([(level, said["policy"], f'{said["verdict"]} {said["reason"]}') for level, said in nginx.decisions()],
    [("error", policy, words) for policy, _, _, words in DECISIONS if words != "allow ok"],
    "each refusal has its line in the error log, which a strict parser can read")
is_(nginx.decisions()[-3][1]["user"], "x" * 64 + "...", "a long name is cut there")
mark = nginx.mark()
forged = "ann policy=any, client: 127.0.0.1"
asked("/owner/page.html", user=forged)
is_([said["user"] for _, said in nginx.decisions(mark)], [forged], "a name like a log line is one word of it")

nginx.next_second()
for fault, status, words in OUTAGES:
    if fault.startswith("tls"):
        nginx.reload()  # a connection that is kept knows no handshake
    simulator.fault(int(fault) if fault.isdigit() else fault)
    nginx.forget()
    answer, decided = asked("/any/page.html", user="ann")
    is_((answer.status, decided), (status, words), f"{fault}: {status}, {words}")
    is_(answer.header("Retry-After"), "1" if status == 503 else None, f"{fault}: Retry-After")
    simulator.clear_faults()
is_([said for level, said in nginx.decisions() if level == "alert"],
    [{"enforced": True, "verdict": "misconfigured", "reason": "credential", "user": "ann", "policy": "any", "cache": "miss"}] * 2,
    "a refused key is an alert in the log, with the name and the policy")
nginx.forget()

# The variables.

answer, _ = asked("/proxy/", user="ann")
like(answer.body, r"X-Gate: allow ann@example.com user-Ann4kR8vWq2LcYd6NfJ3tHsUg reader\r", "the server behind is told who it is")
answer, _ = asked("/any/page.html", user="ann")
is_(nginx.accesses()[-1][3:], ["allow", "ok", "hit", "ann@example.com", "user-Ann4kR8vWq2LcYd6NfJ3tHsUg", "reader"], "the access log")
asked("/any/page.html", user="nobody")
is_(nginx.accesses()[-1][3:], ["deny", "no-identity", "-", "-", "-", "-"], "of nobody")
asked("/denied.html")
is_(nginx.accesses()[-1][3:], ["-"] * 6, "where there is no gate")

# Methods and bodies.

for method, status in (("HEAD", 200), ("POST", 405), ("OPTIONS", 405)):
    is_(nginx.get("/any/page.html", user="ann", method=method).status, status, f"{method}, let in")
    answer = nginx.get("/any/page.html", user="zoe", method=method)
    is_((answer.status, len(answer.body) > 0), (403, method != "HEAD"), f"{method}, kept out")
body = b"x" * (3 * 1024 * 1024)
answer, decided = asked("/upload/", user="ann", method="POST", body=body)
like(answer.body, rf"{len(body)} bytes", "a large body reaches the server behind")
nginx.forget()
answer, decided = asked("/upload/", user="ann", method="POST", body=body)
like(answer.body, rf"{len(body)} bytes", "also when it had to wait for the directory")
text = nginx.exchange(b"POST /upload/ HTTP/1.1\r\nHost: x\r\nX-User: ann\r\nConnection: close\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
like(text, r"5 bytes", "a chunked body")
text = nginx.exchange(b"POST /upload/ HTTP/1.1\r\nHost: x\r\nX-User: zoe\r\nContent-Length: 100000\r\n"
                      b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
like(text, r"^HTTP/1.1 403", "a body that is announced, and not wanted")
unlike(text, r"100 Continue", "is not asked for")

# Connections.

ONE = "GET /any/page.html HTTP/1.1\r\nHost: x\r\nX-User: {}\r\nConnection: {}\r\n\r\n"
nginx.forget()
text = nginx.exchange("".join(ONE.format(user, "keep-alive") for user in ("ann", "zoe", "ben", "ivan", "ann")).encode() +
                      ONE.format("wendy", "close").encode())
is_(re.findall(r"HTTP/1.1 (\d+)", text), ["200", "403", "200", "403", "200", "200"], "pipelined, on a cold store, in order")
nginx.forget()
with socket.create_connection(("127.0.0.1", 8080), 30) as sock, sock.makefile("rb") as stream:
    statuses = []
    for user in ("ann", "zoe", "ann"):
        sock.sendall(f"HEAD /any/page.html HTTP/1.1\r\nHost: x\r\nX-User: {user}\r\n\r\n".encode())
        lines = list(iter(stream.readline, b"\r\n"))
        statuses.append(lines[0].split()[1])
is_(statuses, [b"200", b"403", b"200"], "one after the other on one connection")


def http2(*arguments):
    done = subprocess.run(["curl", "-s", "--http2", "--cacert", made["ca"], "-w", "%{http_version} %{http_code}\n", *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


nginx.forget()
PAGES = [f"https://localhost:8443/{policy}/page.html" for policy in ("any", "web", "lead", "oncall", "owner")]
said = http2("--parallel", "-H", "X-User: ann", *PAGES)
is_(sorted(re.findall(r"^2 (\d+)$", said, re.M)), ["200", "200", "200", "403", "403"], "HTTP/2: five streams wait on a cold store")
said = http2("-H", "X-User: ann", "--data-binary", "@/usr/sbin/nginx", "https://localhost:8443/upload/")
like(said, rf"{os.path.getsize('/usr/sbin/nginx')} bytes\n2 200", "HTTP/2: a body")
nginx.forget()
said = http2("-H", "X-User: ann", "--data-binary", "@/usr/sbin/nginx", "https://localhost:8443/upload/")
like(said, rf"{os.path.getsize('/usr/sbin/nginx')} bytes\n2 200", "HTTP/2: a body that had to wait")

UPGRADE = "GET /proxy/ HTTP/1.1\r\nHost: x\r\nX-User: {}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
nginx.forget()
with socket.create_connection(("127.0.0.1", 8080), 30) as sock, sock.makefile("rb") as stream:
    sock.sendall(UPGRADE.format("ann").encode())
    head = b"".join(iter(stream.readline, b"\r\n"))
    like(head.decode(), r"^HTTP/1.1 101", "an upgrade")
    sock.sendall(b"one\n")
    is_(stream.readline(), b"echo one\n", "and what comes over it")
like(nginx.exchange(UPGRADE.format("zoe").replace("upgrade\r", "close\r", 1).encode()), r"^HTTP/1.1 403", "an upgrade that is refused")

# Error pages and redirects.

answer, decided = asked("/pages/page.html", user="zoe")
is_((answer.status, answer.body, decided), (403, "denied: not-a-member\n", "deny not-a-member"), "error_page outside of the gate knows the reason")
answer, decided = asked("/again/page.html", user="zoe")
is_((answer.status, decided), (403, "deny not-a-member"), "error_page behind the gate")
simulator.fault("silence")
nginx.forget()
simulator.clear_requests()
answer, decided = asked("/pages/page.html", user="ann")
is_((answer.status, answer.body, answer.header("Retry-After"), decided), (503, "down: timeout", "1", "unavailable timeout"),
    "503 stays 503, with Retry-After, on its error page")
nginx.forget()
simulator.clear_requests()
answer, decided = asked("/again/page.html", user="ann")
is_((answer.status, decided), (503, "unavailable timeout"), "an error_page behind the gate, in an outage")
is_(len(simulator.requests()), 1, "does not ask once more")
is_(len(answer.headers.get_all("Retry-After")), 1, "and says Retry-After once")
simulator.clear_faults()
nginx.forget()

answer, decided = asked("/proxy/accel", user="ann")
is_((answer.status, answer.body, decided), (200, "page\n", "allow ok"), "X-Accel-Redirect into another gate, let in")
answer, decided = asked("/proxy/accel", user="ben")
is_((answer.status, decided), (403, "deny project"), "X-Accel-Redirect into another gate, kept out")
answer, decided = asked("/try/", user="wendy")
is_((answer.status, answer.body), (200, "page\n"), "try_files into another gate, let in")
answer, decided = asked("/try/", user="ben")
is_((answer.status, decided), (403, "deny project"), "try_files into another gate, kept out")

# Subrequests: nginx asks no access handler of them.

answer, _ = asked("/ssi/part.html", user="ben")
is_((answer.status, answer.body), (200, "page\n|ben@example.com\n"), "an included page is not judged, and knows who asks")
answer, decided = asked("/mirror/page.html", user="ben")
is_((answer.status, decided), (200, "allow ok"), "a mirrored request is not judged")
answer, _ = asked("/ask/page.html", user="ben")
is_(answer.status, 200, "a gate inside auth_request judges nothing (the manual page warns)")
answer, decided = asked("/first/page.html", user="zoe")
is_((answer.status, decided), (403, "deny not-a-member"), "auth_request beside the gate")

is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(but=r"misconfigured credential|users: HTTP 40[13] "), [], "the log is clean")
is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
