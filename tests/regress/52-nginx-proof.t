#!/usr/bin/python3
"""Who is asking must have been proven: the gate comes after auth_basic,
auth_request and allow/deny, a wrong password costs no request to the API and
tells nothing, and "satisfy any" opens no way around the password."""

import base64
import os
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
from tap import done_testing, is_

import http.client
import ssl

POLICIES = {"any": {"role": "owner reader"}, "owner": {"role": "owner"}}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com", "zoe": "zoe@example.com",
         "CN=client": "ann@example.com"}


class Login(socketserver.ThreadingTCPServer):
    """What auth_request asks: 200 and an address for the cookie "good", 403
    for "barred", for any other 401; with an address all the same."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 8090), Login.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode()
            status = {"good": "200 OK", "barred": "403 Forbidden"}.get(head.partition("session=")[2].split("\r")[0], "401 Unauthorized")
            self.wfile.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n"
                             "X-Login: ann\r\n\r\n".encode())


def password(user, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def wrong(path, headers, status, name):
    """A request that must not get in, nor cost a request; its answer."""
    nginx.forget()
    simulator.clear_requests()
    answer = nginx.get(path, headers=headers)
    is_(answer.status, status, f"{name}: {status}")
    is_(len(simulator.requests()), 0, f"{name}: no request to the API")
    return answer


def right(path, headers, name, status=200):
    is_(nginx.get(path, headers=headers).status, status, f"{name}: {status}")


login = Login()
made = certificates.make("/var/tmp/sim")
simulator = Simulator("/var/tmp/sim")
Gate(simulator, POLICIES, USERS, api={"requests_per_minute": 600})
nginx = Nginx(f"""
    openai_gate any;
    openai_gate_identity $remote_user;
    map $remote_user $mapped {{ default $remote_user; }}
    map $ssl_client_s_dn $ssl_client_person {{ "CN=client" ann; }}
    map $ssl_client_s_dn $person {{ "CN=client" ann; }}
    server {{
        listen 127.0.0.1:8080;
        auth_basic_user_file {DIRECTORY}/passwords;
        location /basic/ {{ auth_basic x; alias {DIRECTORY}/html/; }}
        location /owner/ {{ auth_basic x; openai_gate owner; alias {DIRECTORY}/html/; }}
        location /deny/ {{ deny all; openai_gate_identity $http_x_user; alias {DIRECTORY}/html/; }}
        location /login/ {{
            auth_request /auth;
            auth_request_set $login $upstream_http_x_login;
            openai_gate_identity $login;
            alias {DIRECTORY}/html/;
        }}
        location = /auth {{ internal; proxy_pass http://127.0.0.1:8090; proxy_pass_request_body off;
                            proxy_set_header Content-Length ""; }}
        location /any/ {{ satisfy any; auth_basic x; alias {DIRECTORY}/html/; }}
        location /any-mapped/ {{ satisfy any; auth_basic x; openai_gate_identity $mapped; alias {DIRECTORY}/html/; }}
        location /any-nofile/ {{ satisfy any; auth_basic x; auth_basic_user_file {DIRECTORY}/none; alias {DIRECTORY}/html/; }}
        location /refused/ {{
            auth_request /auth;
            auth_request_set $login $upstream_http_x_login;
            openai_gate_identity $login;
            error_page 401 =200 /page/index.html;
            error_page 403 =200 /page-again/index.html;
            alias {DIRECTORY}/html/;
        }}
        location /page/ {{ openai_gate_identity $login; alias {DIRECTORY}/html/; }}
        location /page-again/ {{ auth_request /auth; openai_gate_identity $login; alias {DIRECTORY}/html/; }}
        location /any-login/ {{
            satisfy any;
            auth_request /auth;
            auth_request_set $login $upstream_http_x_login;
            openai_gate_identity $login;
            alias {DIRECTORY}/html/;
        }}
        location /any-login-local/ {{
            satisfy any;
            allow 10.0.0.0/8;
            deny all;
            auth_request /auth;
            auth_request_set $login $upstream_http_x_login;
            openai_gate_identity $login;
            alias {DIRECTORY}/html/;
        }}
        location /any-address/ {{ satisfy any; deny all; openai_gate_identity $http_x_user; alias {DIRECTORY}/html/; }}
        location /any-local/ {{ satisfy any; allow 127.0.0.1; deny all; auth_basic x; alias {DIRECTORY}/html/; }}
        location /any-name/ {{ satisfy any; allow 10.0.0.0/8; deny all; alias {DIRECTORY}/html/; }}
        location /any-capitals/ {{ satisfy any; openai_gate_identity $REMOTE_USER; alias {DIRECTORY}/html/; }}
        location /any-name-alone/ {{ satisfy any; alias {DIRECTORY}/html/; }}
        location /any-alone/ {{ satisfy any; openai_gate_identity $http_x_user; alias {DIRECTORY}/html/; }}
        location /any-page/ {{ satisfy any; auth_basic x; openai_gate_identity $http_x_user;
            error_page 503 /down.html; recursive_error_pages on; alias {DIRECTORY}/html/; }}
        location /twice/ {{ openai_gate_identity $http_x_user; recursive_error_pages on;
            error_page 503 /any-page/index.html; alias {DIRECTORY}/html/; }}
        location = /down.html {{ openai_gate off; }}
    }}
    server {{
        listen 127.0.0.1:8443 ssl;
        ssl_certificate {made["good"][0]};
        ssl_certificate_key {made["good"][1]};
        ssl_client_certificate {made["ca"]};
        ssl_verify_client optional;
        error_page 495 = /any/index.html;
        location / {{ openai_gate_identity $person; root {DIRECTORY}/html; }}
        location /any-address/ {{ satisfy any; allow 10.0.0.0/8; deny all; openai_gate_identity $person; alias {DIRECTORY}/html/; }}
        location /any/ {{
            satisfy any;
            auth_basic x;
            auth_basic_user_file {DIRECTORY}/passwords;
            openai_gate_identity $ssl_client_s_dn;
            alias {DIRECTORY}/html/;
        }}
    }}
    server {{
        listen 127.0.0.1:8444 ssl;
        ssl_certificate {made["good"][0]};
        ssl_certificate_key {made["good"][1]};
        ssl_client_certificate {made["ca"]};
        ssl_verify_client optional_no_ca;
        openai_gate_identity $ssl_client_s_dn;
        root {DIRECTORY}/html;
        location /capitals/ {{ openai_gate_identity $SSL_Client_S_DN; alias {DIRECTORY}/html/; }}
        location /person/ {{ openai_gate_identity $ssl_client_person; alias {DIRECTORY}/html/; }}
        location /any/ {{ satisfy any; deny all; alias {DIRECTORY}/html/; }}
    }}
""")
write(f"{DIRECTORY}/passwords", "".join(f"{user}:{{PLAIN}}{user}'s\n" for user in USERS))
nginx.page("down.html", "down\n")
nginx.start()

# satisfy all: behind the others.

answers = [wrong("/basic/", password(user, "guess"), 401, f"{user}, wrong password") for user in ("ann", "zoe", "nobody")]
is_({(answer.header("WWW-Authenticate"), answer.body) for answer in answers}, {('Basic realm="x"', answers[0].body)},
    "a wrong password: the same answer whoever it is")
answers = [wrong("/owner/", password(user, "guess"), 401, f"{user}, wrong password, at another's door") for user in ("olivia", "ann")]
is_(answers[0].body, answers[1].body, "and whatever the role")
wrong("/basic/", {}, 401, "no password")
wrong("/deny/", {"X-User": "ann"}, 403, "an address that is denied")
wrong("/login/", {}, 401, "no session")
wrong("/login/", {"Cookie": "session=old"}, 401, "an old session")
wrong("/login/", {"Cookie": "session=barred"}, 403, "a barred session")
wrong("/page/", {"Cookie": "session=old"}, 401, "the page of refused sessions, by itself")
right("/refused/", {"Cookie": "session=old"}, "... after a refusal believes what that has said, as the manual page says")
wrong("/refused/", {"Cookie": "session=barred"}, 403, "... and not where sessions are asked about again")
right("/basic/", password("ann", "ann's"), "ann, right password")
right("/basic/", password("zoe", "zoe's"), "zoe, right password, but no member", 403)
right("/owner/", password("olivia", "olivia's"), "olivia, an owner")
right("/owner/", password("ann", "ann's"), "ann, no owner", 403)
right("/login/", {"Cookie": "session=good"}, "a session")

# satisfy any: the gate never makes up for a password.

answer = wrong("/any/", password("olivia", "guess"), 401, "satisfy any, an owner's name, wrong password")
is_(answer.header("WWW-Authenticate"), 'Basic realm="x"', "satisfy any: asked for the password again")
wrong("/any/", {}, 401, "satisfy any, no password")
wrong("/any-mapped/", password("olivia", "guess"), 401, "satisfy any, a name that comes from a map")
wrong("/any-nofile/", password("olivia", "guess"), 403, "satisfy any, and no file of passwords")
wrong("/any-name/", password("olivia", "guess"), 403, "satisfy any, a name, where nobody asks for its password")
wrong("/any-capitals/", password("olivia", "guess"), 401, "satisfy any, a name, and capitals in the variable's")
wrong("/any-name-alone/", password("olivia", "guess"), 401, "satisfy any, a name, and nobody else to agree")
wrong("/any-login/", {"Cookie": "session=old"}, 401, "satisfy any, what a refused session says")
right("/any/", password("zoe", "zoe's"), "satisfy any, right password, no member")
right("/any-login/", {"Cookie": "session=good"}, "satisfy any, a session")
wrong("/any-login/", {"Cookie": "session=barred"}, 403, "satisfy any, what a barred session says")
wrong("/any-login-local/", {"Cookie": "session=barred"}, 403, "satisfy any, a barred session from elsewhere")
wrong("/any-local/", {}, 200, "satisfy any, an address that is allowed")
right("/any-address/", {"X-User": "ann"}, "satisfy any, address refused, member")
right("/any-address/", {"X-User": "zoe"}, "satisfy any, address refused, no member", 403)
right("/any-alone/", {"X-User": "ann"}, "satisfy any, nothing but the gate, member")
right("/any-alone/", {"X-User": "zoe"}, "satisfy any, nothing but the gate, no member", 403)
right("/any-alone/", {}, "satisfy any, nothing but the gate, nobody", 401)

# An outage does not break what others allow, and what others refuse does not
# follow it to its error page.

simulator.fault(503)
nginx.forget()
right("/any-local/", {}, "an outage, and an address that is allowed")
right("/any-page/", {"X-User": "ann"}, "an outage, after a password that is missing", 503)
is_(nginx.get("/any-page/", headers={"X-User": "ann"}).body, "down\n", "an outage has its error page")
answer = nginx.get("/twice/", headers={"X-User": "ann"})
is_((answer.status, answer.body), (503, "down\n"), "an outage that stands, at an error page behind a password that is missing")
simulator.clear_faults()
nginx.forget()

# A certificate proves by itself.


def over_tls(path, certificate=None, headers=None, port=8443):
    context = ssl.create_default_context(cafile=made["ca"])
    if certificate:
        context.load_cert_chain(*certificate)
    connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


is_(over_tls("/"), 401, "no certificate: 401")
is_(over_tls("/", made["client"]), 200, "a member's certificate: 200")
is_(over_tls("/any/"), 401, "satisfy any, neither password nor certificate: 401")
is_(over_tls("/any/", made["client"]), 200, "satisfy any, a certificate and no password: 200")
is_(over_tls("/any-address/"), 401, "satisfy any, neither address nor certificate: 401")
is_(over_tls("/any-address/", made["client"]), 200, "satisfy any, a name that comes from a certificate, and no address: 200")
is_(over_tls("/any/", headers=password("ann", "ann's")), 200, "satisfy any, a password: 200")

# ... but not one that anybody can make.

FORGED = ("/var/tmp/forged.pem", "/var/tmp/forged.key")
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=client", "-out", FORGED[0], "-keyout", FORGED[1]], check=True, capture_output=True)
for path in ("/", "/person/", "/capitals/", "/any/"):
    is_(over_tls(path, made["client"], port=8444), 200, f"optional_no_ca, at {path}: a member's certificate: 200")
    is_(over_tls(path, FORGED, port=8444), 401, f"optional_no_ca, at {path}: the same name, from no authority: 401")
    is_(over_tls(path, port=8444), 401, f"optional_no_ca, at {path}: no certificate: 401")
is_(over_tls("/", FORGED), 401, "the page of a bad certificate: 401")

is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")
done_testing()
