#!/usr/bin/python3
"""conf/nginx.conf.example as it is shipped: only paths and ports are others."""

import base64
import http.client
import os
import re
import socketserver
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import certificates
from gate import Gate, write
from nginx import DIRECTORY, MODULE, Nginx
from sim import Simulator
from tap import done_testing, is_, like, ok, unlike
from wait import until

EXAMPLE = os.path.join(jail.REPOSITORY, "conf", "nginx.conf.example")
PLACE = f"{DIRECTORY}/tls"

# Who has proven to be whom, and what the three doors say.
DOORS = ("/page.html", "/admin/page.html", "/shop/page.html")
PEOPLE = {
    "olivia.owner@example.com": (200, 200, 403),
    "ann@example.com": (200, 403, 200),
    "ben@example.com": (200, 403, 403),
    "zoe@example.com": (403, 403, 403),
}


class SignOn(socketserver.ThreadingTCPServer):
    """An OIDC proxy: its cookie is the address; without one, 401."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 4180), SignOn.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode()
            session = re.search(r"(?i)^cookie: session=(\S+)", head, re.M)
            lines = ["HTTP/1.1 202 Accepted", f"X-Auth-Request-Email: {session[1]}"] if session else ["HTTP/1.1 401 Unauthorized"]
            if head.startswith("GET /oauth2/sign_in"):
                lines = ["HTTP/1.1 200 OK"]
            self.wfile.write("\r\n".join([*lines, "Connection: close", "Content-Length: 0", "", ""]).encode())


def client_certificate(address, subject=None):
    """Signed by the authority of the example."""
    name = f"{PLACE}/{address}"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                    "-out", f"{name}.csr", "-utf8", "-subj", subject or f"/O=Example Corp/CN=x/emailAddress={address}"],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", made["ca"], "-CAkey", made["ca"].replace(".pem", ".key"),
                    "-CAcreateserial", "-days", "2", "-out", f"{name}.pem"], check=True, capture_output=True)
    return f"{name}.pem", f"{name}.key"


def get(host, path, certificate=None, **headers):
    """Over TLS; the certificate of the example stands for every name."""
    context = ssl.create_default_context(cafile=made["ca"])
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(*certificate)
    connection = http.client.HTTPSConnection(host, 443, timeout=30, context=context)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


made = certificates.make("/var/tmp/sim")
simulator = Simulator("/var/tmp/sim")
with open(EXAMPLE, encoding="utf-8") as file:
    shipped = file.read()

# The policies stand in the comment at its head.
comment = re.findall(r"^#\t(\[policy .*|\w+ +=.*)$", shipped, re.M)
policies, name = {}, None
for line in comment:
    if line.startswith("["):
        name = line[len("[policy "):-1]
        policies[name] = {}
    else:
        key, value = line.split("=")
        policies[name][key.strip()] = value.strip().replace("proj_abc", "proj_web")
is_(sorted(policies), ["members", "owners", "shop"], "its head shows three policies")
Gate(simulator, policies)

os.makedirs(PLACE, exist_ok=True)
for path in ("", "admin", "shop"):
    os.makedirs(f"{DIRECTORY}/html/{path}", exist_ok=True)
    write(f"{DIRECTORY}/html/{path}/page.html", "page\n")
write(f"{DIRECTORY}/passwords", "".join(f"{address}:{{PLAIN}}secret\n" for address in PEOPLE))
text = shipped
for old, new in (("modules/ngx_http_openai_module.so", MODULE), ("/etc/ssl/certs/example.com.pem", made["good"][0]),
                 ("/etc/ssl/private/example.com.key", made["good"][1]), ("/etc/ssl/certs/example-clients.pem", made["ca"]),
                 ("/var/www/html", f"{DIRECTORY}/html"), ("/etc/nginx/passwords", f"{DIRECTORY}/passwords"),
                 ("/var/log/nginx/error.log;", f"{DIRECTORY}/error.log info;"), ("/var/log/nginx/access.log", f"{DIRECTORY}/access.log"),
                 ("worker_processes auto", "worker_processes 2"), ("/run/nginx.pid", f"{DIRECTORY}/nginx.pid")):
    ok(text.count(old) >= 1, f"it has {old}")
    text = text.replace(old, new)
nginx = Nginx("")
write(f"{DIRECTORY}/nginx.conf", text)
status, said = nginx.test()
is_(status, 0, "nginx -t accepts it")
unlike(said, r"\[(warn|emerg|alert)\]", "without a warning")

with open("/etc/hosts", "a", encoding="ascii") as file:
    file.write("127.0.0.1 basic.example.com cert.example.com oidc.example.com\n")
sign_on = SignOn()
nginx.start()
for address, statuses in PEOPLE.items():
    basic = {"Authorization": "Basic " + base64.b64encode(f"{address}:secret".encode()).decode()}
    certificate = client_certificate(address)
    for path, status in zip(DOORS, statuses):
        is_(get("basic.example.com", path, **basic).status, status, f"password: {address} at {path}: {status}")
        is_(get("cert.example.com", path, certificate).status, status, f"certificate: {address} at {path}: {status}")
        is_(get("oidc.example.com", path, Cookie=f"session={address}").status, status, f"sign-on: {address} at {path}: {status}")

# Who may choose the other parts of a subject cannot be somebody else by them:
# ben is no owner, and a subject that says two things says nothing.
BEN, OWNER = "emailAddress=ben@example.com", "emailAddress=olivia.owner@example.com"
for subject, statuses in (
        (f"/{BEN}/CN=x,{OWNER}", (200, 403)),
        (f"/CN=x,{OWNER}/{BEN}", (200, 403)),
        (f"/{BEN}/CN=x\\+{OWNER}", (200, 403)),
        (f"/{BEN}/CN=x\\\\,{OWNER}", (200, 403)),
        (f"/{BEN}/CN=x\\\\", (200, 403)),
        (f"/{BEN}/CN=\u00e4,{OWNER},", (200, 403)),
        (f"/{BEN}/CN={OWNER}", (200, 403)),
        (f"/CN=x+{BEN}", (200, 403)),
        (f"/{BEN}+CN=x", (200, 403)),
        (f"/{BEN},{OWNER}", (401, 401)),
        (f"/{OWNER},{BEN}", (401, 401)),
        (f"/{BEN}/{OWNER}", (401, 401)),
        (f"/{OWNER}/{BEN}", (401, 401)),
        (f"/{BEN}+{OWNER}", (401, 401)),
        (f"/CN=x+{BEN}/{OWNER}", (401, 401)),
        ("/emailAddress=ben\\+shop@example.com/CN=x", (401, 401)),
        (f"/CN={OWNER}", (401, 401))):
    certificate = client_certificate("chosen", subject)
    for path, status in zip(DOORS, statuses):
        is_(get("cert.example.com", path, certificate).status, status, f"certificate: {subject} at {path}: {status}")

is_(get("basic.example.com", "/").status, 401, "password: none")
is_(get("cert.example.com", "/").status, 400, "certificate: none")
answer = get("oidc.example.com", "/shop/page.html?a=b")
is_((answer.status, answer.getheader("Location")), (302, "https://oidc.example.com/oauth2/sign_in?rd=/shop/page.html?a=b"),
    "sign-on: sent to sign in")
is_(get("oidc.example.com", "/oauth2/sign_in").status, 200, "sign-on: where nobody is asked")
is_(get("oidc.example.com", "/oauth2/auth").status, 404, "sign-on: the question is not for clients")
is_(get("basic.example.com", "/", Authorization="Basic " + base64.b64encode(b"zoe@example.com:secret").decode())
    .getheader("X-Gate-Reason"), "not-a-member", "the page is told why")
is_(nginx.get("/metrics", port=8081).status, 200, "the counters")
until(lambda: os.path.getsize(nginx.access_log) > 0)
with open(nginx.access_log, encoding="utf-8") as file:
    like(file.read(), r'- ann@example.com \[.*\] "GET /shop/page.html HTTP/1.1" 200 allow ok ann@example.com (hit|miss)',
         "the access log tells verdict and reason")
is_(len(simulator.requests(endpoint="users")), 1, "one list of the organization for all of that")
is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")
done_testing()
