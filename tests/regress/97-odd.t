#!/usr/bin/python3
"""Ways around that nobody has written into a table: odd requests, odd names, look-
alikes, contradictions, a machine without /proc or /dev/null. Who must not pass
never sees what is behind the gate.
"""

import base64
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import certificates
import people
from doors import Sshd
from gate import CLI, DIRECTORY, Gate, decisions, guard, install, write
from journal import Journal
from nginx import DIRECTORY as WEB, PORT, Nginx
from sim import Simulator
from tap import diag, done_testing, failed, is_, isnt, like, ok, unlike

POLICIES = {"member": {"pam_services": "su", "role": "owner reader"}}
USERS = {"ann": "ann@example.com", "eve": "eve@example.org"}
SECRET = "behind the gate"

journal = Journal()
install()
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICIES, USERS)
made = certificates.make("/var/tmp/sim")

# The web door: three places behind it, and an open one beside them.

PASSWORDS = "/etc/passwords"
GATED = "openai_gate member; openai_gate_identity $remote_user; auth_basic who; auth_basic_user_file /etc/passwords;"
nginx = Nginx(f"""
    server {{
        listen 127.0.0.1:{PORT};
        listen 127.0.0.1:8443 ssl http2;
        ssl_certificate {made["good"][0]};
        ssl_certificate_key {made["good"][1]};
        large_client_header_buffers 4 64k;
        absolute_redirect off;
        location / {{ return 404; }}
        location /gated/ {{ {GATED} }}
        location /hidden/ {{ internal; {GATED} }}
        location /open/ {{ }}
        location /open/moved/ {{ rewrite ^ /gated/page.html last; }}
        location /open/missing/ {{ error_page 404 /gated/page.html; }}
        location /open/missing200/ {{ error_page 404 =200 /gated/page.html; }}
        location /open/named/ {{ error_page 404 = @gated; }}
        location /open/tried/ {{ try_files /none /gated/page.html; }}
        location /open/index/ {{ index none.html /gated/page.html; }}
        location /open/accel/ {{ proxy_pass http://127.0.0.1:8081; }}
        location @gated {{ {GATED} root {WEB}/html/gated; try_files /page.html =404; }}
        location /refused/ {{ {GATED} error_page 403 /gated/page.html; error_page 401 403 /open/sorry.html; }}
    }}
    server {{
        listen 127.0.0.1:8081;
        location / {{ add_header X-Accel-Redirect /hidden/page.html; return 200; }}
    }}
""", workers=1)
for name in ("gated/page.html", "hidden/page.html", "refused/page.html"):
    nginx.page(name, f"{SECRET}\n")
nginx.page("open/page.html", "open\n")
nginx.page("open/sorry.html", "sorry\n")
os.makedirs(f"{WEB}/html/open/index", exist_ok=True)

# Names as a client may send them, each with a right password.
LONG = "a" * 320
NAMES = [b"ann", b"eve", b"", b"ann ", b" ann", b"ann\n", b"ann\r\nX: y", b"a\x1b[2Jnn", b"ann%", b"%u", b"ann\0", b"ann\0eve", b"eve\0ann",
         b"ANN", b"ann/", b"../ann", b"-ann", b"ann@example.com", b"\xc3\xa4nn", b"\xff\xfe", "\u0430nn".encode(),
         "ann\u200b".encode(), "a\u0301nn".encode(), "\u202enna".encode(), LONG.encode(), b"a" * 321, b"a" * 40000]


def authorization(name):
    return "Authorization: Basic " + base64.b64encode(name + b":x").decode()


# auth_basic reads lines of "name:password" and compares bytes; what cannot stand
# in such a line has no password.
with open(PASSWORDS, "wb") as file:
    for name in NAMES:
        if not set(name) & set(b"\n\0:") and len(name) < 1000:
            file.write(name + b":{PLAIN}x\n")
os.chmod(PASSWORDS, 0o644)
nginx.start()


def raw(*lines, end="\r\n\r\n"):
    text = "\r\n".join([*lines, "Host: x", "Connection: close"]) + end
    return nginx.exchange(text.encode("latin-1"))


def status(text):
    return text.split()[1] if text.startswith("HTTP/") else text[:20]


like(raw("GET /gated/page.html HTTP/1.1", authorization(b"ann")), f"200 OK[^$]*{SECRET}", "ann sees what is behind the gate")
for name in NAMES:
    said = raw("GET /gated/page.html HTTP/1.1", authorization(name))
    if name != b"ann":
        unlike(said, SECRET, f"the name {name[:40]!r}: {status(said)}")
ours = "\n".join(line for line in nginx.log().split("\n") if "openai_gate" in line)
like(ours, r'user=a\\x1b\[2Jnn policy=', "the log shows what the names were")
unlike(ours, r"[\x00-\x09\x0b-\x1f\x7f\u202e]", "... and no control character of theirs")

# Odd requests of eve's.

EVE = authorization(b"eve")
for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PURGE", "get", "FOO"):
    said = raw(f"{method} /gated/page.html HTTP/1.1", EVE)
    ok(SECRET not in said and status(said)[0] in "45", f"{method}: {status(said)}")
said = raw("HEAD /gated/page.html HTTP/1.1", authorization(b"ann"))
is_(status(said), "200", "HEAD of ann's")
for path in ("//gated/page.html", "/./gated/page.html", "/open/../gated/page.html", "/%67ated/page.html", "/gated/%70age.html",
             "/open/..%2fgated/page.html", "/open/%2e%2e/gated/page.html", "/gated/page.html%00", "/gated/./page.html", "/gated//page.html",
             "/GATED/page.html", "/gated/page.html/", "/gated/page.html?x", "/gated/page.html#x", "/open/page.html/../../gated/page.html",
             "http://x/gated/page.html", "http://x@y/gated/page.html", "/open/%252e%252e/gated/page.html", "/open/..;/gated/page.html",
             "/hidden/page.html", "/open/moved/", "/open/missing/x", "/open/missing200/x", "/open/named/x", "/open/tried/x", "/open/index/",
             "/open/accel/", "/refused/page.html"):
    for version in ("HTTP/1.1", "HTTP/1.0"):
        said = raw(f"GET {path} {version}", EVE)
        unlike(said, SECRET, f"{path}, {version}: {status(said)}")
unlike(nginx.exchange(b"GET /gated/page.html\r\n"), SECRET, "HTTP/0.9")
for path in ("/open/moved/", "/open/missing/x", "/open/missing200/x", "/open/named/x", "/open/tried/x", "/open/index/", "/open/accel/"):
    like(raw(f"GET {path} HTTP/1.1", authorization(b"ann")), SECRET, f"{path}: ann comes through")
for header in ("Range: bytes=0-3", "If-None-Match: *", "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT", "Expect: 100-continue",
               "X-Original-URI: /open/page.html", "X-Original-URL: /open/page.html", "X-Rewrite-URL: /open/page.html",
               "X-Accel-Redirect: /hidden/page.html", "X-Forwarded-User: ann", "Remote-User: ann", "X-Remote-User: ann",
               "X-HTTP-Method-Override: OPTIONS", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAA",
               "Transfer-Encoding: chunked", "Content-Length: 0\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked",
               authorization(b"ann"), "authorization: Basic", "Proxy-Authorization: Basic YW5uOng=", "Cookie: remote_user=ann",
               "Authorization : Basic YW5uOng=", " " + authorization(b"ann")):
    said = raw("GET /gated/page.html HTTP/1.1", EVE, header, end="\r\n\r\n0\r\n\r\n")
    unlike(said, SECRET, f"{header[:50]!r}: {status(said)}")
    isnt(status(said), "304", f"{header[:50]!r}: nor does it tell that there is something")


def piped(*names):
    """Requests of each, in one piece on one connection: their statuses."""
    text = "".join(f"GET /gated/page.html HTTP/1.1\r\nHost: x\r\n{authorization(name)}\r\n"
                   f"{'Connection: close' if at == len(names) - 1 else 'X: y'}\r\n\r\n" for at, name in enumerate(names))
    return [part.split()[0] for part in nginx.exchange(text.encode()).split("HTTP/1.1 ")[1:]]


order = [b"ann", b"eve", b"eve", b"ann", b"eve", b"ann"] * 5
wanted = ["200" if name == b"ann" else "403" for name in order]
is_(piped(*order), wanted, "thirty requests in one piece, warm: each for its own")
nginx.forget()
simulator.fault("delay", ms=200)
is_(piped(*order), wanted, "... and cold")
simulator.clear_faults()

# HTTP/2: streams of both on one connection.
nginx.forget()
simulator.fault("delay", ms=200)
config = "".join(f'{"next" if at else ""}\nurl = "https://localhost:8443/gated/page.html"\nuser = "{name.decode()}:x"\n'
                 f'cacert = "{made["ca"]}"\nhttp2\nwrite-out = "%{{http_code}} {name.decode()}\\n"\noutput = "/dev/null"\n'
                 for at, name in enumerate(order))
done = subprocess.run(["curl", "-sS", "--parallel", "--parallel-immediate", "-K", "-"], input=config, text=True, capture_output=True,
                      timeout=60, check=False)
is_(sorted(set(done.stdout.split("\n")) - {""}), ["200 ann", "403 eve"], "HTTP/2: streams of both at once, each for its own")
is_(done.stdout.count("\n"), len(order), "... all of them")
simulator.clear_faults()

is_(nginx.complaints(), [], "nginx has nothing to alert of")
is_(nginx.quit(), 0, "nginx ends")

# Look-alikes: an organization of one owner, who is not ann.

ALIKE = ["\u0430nn@example.com", "ann@ex\u0430mple.com", "ann@example.com.", "ann@example.com ", " ann@example.com", "ann@example.com\u0000",
         "ann\u200b@example.com", "ann\u00ad@example.com", "a\u0301nn@example.com", "\uff41nn@example.com", "ann@example.com\n", "\"ann\"@example.com",
         "ann+@example.com", "an.n@example.com", "<ann@example.com>", "Ann <ann@example.com>", "mailto:ann@example.com", "ann@example.co",
         "ann@example.comm", "ann@example.com@example.com", "ann", "", "ann@example\uff0ecom", "ann%40example.com"]
KEY = simulator.admin_key


def words(user="ann"):
    done = subprocess.run([CLI, "check", "--policy", "member", user], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.split("\n")[0]


for email in ALIKE:
    gate.forget()
    simulator.organization({"admin_key": KEY, "users": [{"email": email or None, "id": "user-Alike", "role": "owner"}]})
    code, said = words()
    ok(code in (1, 2), f"an owner called {email!r} is not ann: {said}")
for email in ("ANN@EXAMPLE.COM", "Ann@example.com"):
    gate.forget()
    simulator.organization({"admin_key": KEY, "users": [{"email": email, "id": "user-Ann", "role": "owner"}]})
    is_(words()[0], 0, f"{email!r} is")
gate.configure(users=USERS | {"kim": "kim@example.com"})
gate.forget()
simulator.organization({"admin_key": KEY, "users": [{"email": "\u212aim@example.com", "id": "user-Kim", "role": "owner"}]})
ok(words("kim")[0] in (1, 2), "the Kelvin sign is no k")

# Two who fold to ann's address; one twice; an id that two have.

# The simulator itself would not have such an organization.
ROW = '{"object":"organization.user","id":"%s","email":"%s","name":null,"role":"%s","added_at":1711471533}'
for name, rows in {
        "the same address in two spellings": (ROW % ("user-A", "ann@example.com", "owner"), ROW % ("user-B", "ANN@example.com", "owner")),
        "... banned and not": (ROW % ("user-A", "ann@example.com", "owner"),
                               ROW.replace('"role"', '"user":{"banned":true,"enabled":false},"role"') % ("user-B", "Ann@example.com", "owner")),
        "the same row twice": (ROW % ("user-A", "ann@example.com", "owner"),) * 2,
        "one id with two addresses": (ROW % ("user-A", "ann@example.com", "owner"), ROW % ("user-A", "ben@example.com", "reader")),
}.items():
    gate.forget()
    simulator.fault("body", path="users", body='{"object":"list","data":[%s],"first_id":"user-A","last_id":"user-B","has_more":false}' % ",".join(rows))
    is_(words(), (2, "ann: unavailable (protocol)"), f"a list with {name}: nobody can know")
    simulator.clear_faults()

# A map that contradicts itself, and one that is large.

with open(simulator.organization_file, encoding="utf-8") as file:
    simulator.organization(json.load(file))
gate.configure(users=USERS)
gate.forget()
write(f"{DIRECTORY}/users.map", "ann eve@example.org\nann ann@example.com\n")
is_(words()[0], 3, "a map with two lines for ann is an administrator's affair")
write(f"{DIRECTORY}/users.map", "".join(f"user{number} user{number}@example.com\n" for number in range(20000)) + "ann ann@example.com\n")
is_(words()[0], 0, "the last of 20,001 lines of a map counts")
gate.configure(users=USERS)

# Names that only --badname makes, at the real sshd.

PROOF = "/var/tmp/proof"
odd = ("a%n", "ann.", "Ann", "a~nn", "ann$")
people.add("ann", "eve", *odd)
guard("sshd")
gate.configure(policies={"member": {"pam_services": "su sshd", "role": "owner reader"}})
with Sshd() as sshd:
    for user in ("ann", "eve", *odd, "ann%0a", "ann\nann", "\u0430nn", "a" * 400, "root@ann", "eve:ann", "../ann"):
        mark = journal.mark()
        done = sshd.login(user, "touch", PROOF)
        said = [one.words for one in decisions(journal, mark)]
        is_(os.path.exists(PROOF), user == "ann", f"ssh, {user[:20]!r}: {said}")
        if os.path.exists(PROOF):
            os.unlink(PROOF)
    unlike(journal.text("pam_openai"), r"[\x00-\x09\x0b-\x1f\x7f]", "ssh: no control character in our log")

# A machine that lacks what every machine has, and the real su on it.

guard("su")
with open("/etc/pam.d/su", encoding="ascii") as file:
    stack = file.read()
write("/etc/pam.d/su", "auth sufficient pam_permit.so\n" + stack)
# The log stays where the module finds it.
NO_DEV = "mkdir -p /run/dev && mount --rbind /dev /run/dev && mount -t tmpfs tmpfs /dev && : >/dev/log && mount --bind /run/dev/log /dev/log"
for name, breaking, right in (
        ("/proc", "umount -l /proc", "allow ok"),
        ("/dev/null, and all of /dev", NO_DEV, "unavailable store"),
        ("/dev/null but for a file", "mount --bind /run/jail /dev/null", "allow ok"),
        ("/dev/null but for a directory", f"{NO_DEV} && mkdir /dev/null", "unavailable store"),
        ("/dev/urandom", f"{NO_DEV} && mknod -m 666 /dev/null c 1 3", "allow ok"),
        ("/tmp to write to", "mount -t tmpfs -o ro tmpfs /tmp", "allow ok"),
        ("/etc/hosts and resolv.conf", "mount --bind /dev/null /etc/hosts && mount --bind /dev/null /etc/resolv.conf", "allow ok"),
        ("any other address than localhost", "ip link set lo down",
         # The last of its attempts may be cut short.
         "unavailable network|unavailable timeout")):
    for user in ("ann", "eve"):
        gate.forget()
        mark = journal.mark()
        space = ["unshare", "-m", "-n"] if "lo down" in breaking else ["unshare", "-m"]
        done = subprocess.run([*space, "sh", "-c", f'{breaking} && exec su {user} -c ": >{PROOF}"'], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)
        said = [one.words for one in decisions(journal, mark)]
        wanted = "deny not-a-member" if (user, right) == ("eve", "allow ok") else right
        ok(len(said) == 1 and said[0] in wanted.split("|"), f"without {name}: {user}: {said} {done.stderr.strip()}")
        is_(os.path.exists(PROOF), wanted == "allow ok", f"without {name}: {user} is {'in' if wanted == 'allow ok' else 'out'}")
        if os.path.exists(PROOF):
            os.unlink(PROOF)

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
