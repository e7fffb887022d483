#!/usr/bin/python3
"""conf/fleet-gateway.conf as it is shipped, on the real nginx: twenty hosts
without a key behind it, the API limited to seven requests a minute. Only
paths, ports and the times of the cache are others."""

import concurrent.futures
import contextlib
import glob
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

import certificates
from gate import CLI, DIRECTORY, install, write
from nginx import DIRECTORY as NGINX
from nginx import Nginx
from pamdrive import Pam
from sim import EXAMPLE, Simulator
from tap import diag, done_testing, is_, like, ok, unlike
from wait import until

SHIPPED = os.path.join(jail.REPOSITORY, "conf", "fleet-gateway.conf")
HOSTS = 20
KEPT, NOW = f"{NGINX}/kept", f"{NGINX}/now"  # the gateway's two caches
SIMULATOR = "/srv/sim"
POLICIES = """
[policy shop]
project = proj_web
[policy oncall]
group = group_01J8ONCALL7Q2M
[policy owners]
role = owner
"""
USERS = "/v1/organization/users?limit=100"
HOUR = 3600


class Host:
    """One host: its configuration, its certificate, its store; no key."""

    def __init__(self, number, ttl="10m", issuer=None):
        self.number, self.ttl = number, ttl
        self.directory = f"/etc/openai-gate/host{number}"
        self.store = f"/var/cache/host{number}"
        self.conf = f"{self.directory}/gate.conf"
        os.makedirs(self.directory)
        os.makedirs(self.store)
        self.certificate = certificates.client(SIMULATOR, f"host{number}")
        for source, name in zip(issuer or self.certificate, ("client.pem", "client.key")):
            shutil.copy(source, f"{self.directory}/{name}")
            os.chmod(f"{self.directory}/{name}", 0o600)
        write(self.conf, f"""
[api]
key_file =
base_url = https://localhost:8443/v1
ca_file = {DIRECTORY}/ca.pem
client_cert = {self.directory}/client.pem
client_key = {self.directory}/client.key
timeout = 30s
requests_per_minute = 600
[identity]
email = %u@example.com
[cache]
directory = {self.store}
ttl = {ttl}
{POLICIES}""")
        pam.door(f"host{number}", f"conf={self.conf} policy=shop")

    def cli(self, *arguments):
        return subprocess.run([CLI, "--conf", self.conf, *arguments], capture_output=True, text=True, check=False, timeout=120)

    def check(self, user, policy="owners"):
        """(verdict, reason, cache), the facts by their query, what was logged."""
        done = self.cli("check", "--json", "--policy", policy, user)
        said = json.loads(done.stdout)
        self.facts = {fact["query"]: fact for fact in said["facts"]}
        self.logged = done.stderr
        return f"{said['verdict']} {said['reason']} {said['cache']}"

    def login(self, user):
        """Through PAM and the helper."""
        return pam.ask(f"host{self.number}", user).code

    def forget(self):
        shutil.rmtree(self.store)
        os.makedirs(self.store)


def get(target, certificate=None, method="GET", port=8443, body=None, **headers):
    """As anybody could: (status, headers, body)."""
    if port == 8443:
        context = ssl.create_default_context(cafile=made["ca"])
        if certificate:
            context.load_cert_chain(*certificate)
        connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode(errors="replace")
    finally:
        connection.close()


def gateway(*changes):
    """The shipped file for this machine, with further changes."""
    with open(SHIPPED, encoding="utf-8") as file:
        text = file.read()
    for old, new in (("/etc/nginx/openai-gate-key.conf", KEY_FILE), ("/etc/nginx/gateway.pem", made["good"][0]),
                     ("/etc/nginx/gateway.key", made["good"][1]), ("/etc/nginx/hosts-ca.pem", made["ca"]),
                     ("/etc/ssl/certs/ca-certificates.crt", made["ca"]), ("/var/lib/nginx/openai-gate-now", NOW),
                     ("/var/lib/nginx/openai-gate", KEPT), ("/var/log/nginx/openai-gate.log", f"{NGINX}/gateway.log"),
                     ("set $openai_api api.openai.com", f"set $openai_api 127.0.0.1:{simulator.port}"),
                     ("proxy_ssl_name api.openai.com", "proxy_ssl_name localhost"), *changes):
        if old not in text:
            raise ValueError(f"{old} is not in {SHIPPED}")
        text = text.replace(old, new)
    write(f"{NGINX}/fleet-gateway.conf", text)


def again(*changes):
    """The gateway started anew, with its cache, and a pace that is whole."""
    nginx.quit()
    gateway(*changes)
    nginx.start()
    simulator.rate(7)


def empty():
    """Nothing is kept at the gateway; it has to be started again."""
    shutil.rmtree(KEPT)
    shutil.rmtree(NOW)


def everywhere(ask):
    """What each host got, all at once."""
    with concurrent.futures.ThreadPoolExecutor(HOSTS) as pool:
        return sorted(set(pool.map(ask, hosts)))


def age_kept(seconds):
    """As if the gateway had asked so much earlier for all that it has kept."""
    changed = 0
    for path in glob.glob(f"{KEPT}/*/*/*") + glob.glob(f"{NOW}/*/*/*"):
        with open(path, "r+b") as file:
            data = file.read()
            older, count = re.subn(rb"(Gate-Asked-At: )(\d+)", lambda m: m[1] + b"%d" % (int(m[2]) - seconds), data)
            changed += count
            file.seek(0)
            file.write(older)
    return changed


def api(**wanted):
    return simulator.requests(**wanted)


# ---- The machine: an API, a gateway, twenty hosts.

KEY_FILE = "/etc/openai-gate-key.conf"
LASTING = ("200 400 404 45s", "200 400 404 1h")
FLEETING = ("200 400 404 45s", "200 400 404 1s")
install()
made = certificates.make(SIMULATOR)
with open(EXAMPLE, encoding="utf-8") as example:
    organization = json.load(example)
organization["invites"] = [{"email": f"guest{i:03}@example.com", "role": "reader", "status": "pending"} for i in range(150)]
simulator = Simulator(SIMULATOR, organization, rate=7)
write(KEY_FILE, f'map "" $openai_gate_key {{ default "Bearer {simulator.admin_key}"; }}\n', 0o600)
shutil.copy(made["ca"], f"{DIRECTORY}/ca.pem")
pam = Pam()
nginx = Nginx(f"include {NGINX}/fleet-gateway.conf;", module=False)
gateway()
status, said = nginx.test()
is_(status, 0, "nginx -t accepts it") or diag(said)
unlike(said, r"\[(warn|emerg|alert)\]", "without a warning")
with open(SHIPPED, encoding="utf-8") as shipped:
    text = shipped.read()
like(text, r"(?m)^include /etc/nginx/openai-gate-key\.conf;$", "the key is in a file of its own")
unlike(text, r"(?m)^[^#]*sk-", "not in the file that is shown around")
like(text, r"install -m 600 /dev/stdin /etc/nginx/openai-gate-key.conf", "which only root may read")
gateway(LASTING)
nginx.start()
hosts = [Host(number, ttl="10m" if number <= HOSTS // 2 else "1s") for number in range(1, HOSTS + 1)]

# ---- All of them at once, every store empty.

is_(everywhere(lambda host: host.login("ann")), ["PAM_SUCCESS"], f"{HOSTS} hosts let a member of the project in, by PAM and helper")
is_(everywhere(lambda host: host.check("olivia.owner").rsplit(" ", 1)[0]), ["allow ok"], "... and an owner, by the command line")
is_(everywhere(lambda host: host.login("ben")), ["PAM_PERM_DENIED"], "... deny who is not in the project")
is_(everywhere(lambda host: host.check("ann").rsplit(" ", 1)[0]), ["deny role"], "... and who is no owner")
seen = api()
diag(f"{HOSTS} hosts, {4 * HOSTS} decisions: {len(seen)} requests at the API")
is_(sorted(line["endpoint"] for line in seen), ["project-users", "users"], "the API was asked for two pages, once each")
is_({line["status"] for line in seen}, {200}, "and never said 429")
is_({line["key"] for line in seen}, {"admin"}, "each request bore the gateway's key")

# ---- Killed.

nginx.kill()
is_(everywhere(lambda host: host.check("olivia.owner") if host.ttl == "10m" else "-"), ["-", "allow ok hit"],
    "the gateway is dead: hosts with a fresh answer do not notice")
until(lambda: hosts[-1].check("olivia.owner").endswith("stale"))
is_(everywhere(lambda host: host.check("olivia.owner") if host.ttl == "1s" else "-"), ["-", "allow ok stale"],
    "... hosts with an old one serve it stale")
cold = Host("cold")
like(cold.check("olivia.owner"), r"^unavailable network", "... a host that knows nothing lets nobody in")
nginx.start()
is_(until(lambda: everywhere(lambda host: host.check("olivia.owner").rsplit(" ", 1)[0] + (" stale" if "stale" in host.logged else ""))
          == ["allow ok"], 90), True, "started again: all hosts are served anew")
is_(until(lambda: cold.check("olivia.owner").startswith("allow ok"), 90), True, "... the new one too")
is_(len(api()), len(seen), "... from what the gateway had kept: not one request more at the API")

# ---- How old an answer is.

asked = [line["time"] for line in seen if line["endpoint"] == "users"][0]
until(lambda: time.time() > asked + 2)
late = Host("late")
is_(late.check("olivia.owner"), "allow ok miss", "a new host gets what was asked for others, some time ago")
(fact,) = late.facts.values()
ok(asked - 30 < fact["fetched_at"] <= asked, "... dated when the API was asked, not when the host was told") or diag(f"{asked} {fact}")
half = Host("half")
ok(age_kept(HOUR // 2) > 0, "what the gateway has kept becomes half an hour old")
is_(half.check("olivia.owner"), "allow ok stale", "a host that gets it does not believe it fresh")
like(half.logged, r"serving stale .*: server-error", "... and says so")
ok(all(fact["age"] >= HOUR // 2 for fact in half.facts.values()), "... and how old it is") or diag(json.dumps(half.facts))
is_(half.check("olivia.owner"), "allow ok stale", "... nor later, out of its own store")
like(half.check("zoe"), r"^unavailable server-error", "who is not on an old list is not denied, but not let in")
syncer = Host("syncer")
is_(syncer.cli("sync").returncode, 0, "sync reads through the gateway")
is_(syncer.check("olivia.owner"), "allow ok stale", "... and dates what it has read when the API was asked")
half.forget()
age_kept(HOUR)
like(half.check("olivia.owner"), r"^unavailable server-error", "an hour and a half: past ttl and stale_ttl nobody passes by it")

# A list of two pages, the first of them kept.
empty()
again(LASTING)
walker = Host("walker")
shutil.rmtree(walker.store)
first = get("/v1/organization/invites?limit=100", walker.certificate)
is_(first[0], 200, "the first page of the invitations is kept")
age_kept(40)
os.makedirs(walker.store)
walker.check("zoe")
invites = [fact for query, fact in walker.facts.items() if query.startswith("invite")]
is_([fact["found"] for fact in invites], [False], "the walk over both pages knows who is not invited") or diag(json.dumps(walker.facts))
ok(invites and invites[0]["age"] >= 40, "... and is as old as its oldest page") or diag(json.dumps(walker.facts))

# ---- The API is down.

empty()
again(FLEETING)
probe = Host("probe")
is_(probe.check("olivia.owner"), "allow ok miss", "the API answers")
simulator.fault(503)
until(lambda: get(USERS, probe.certificate)[1]["Gate-Cache"] in ("STALE", "UPDATING") and api(status=503), 40)
age_kept(HOUR // 2)
probe.forget()
is_(probe.check("olivia.owner"), "allow ok stale", "the API fails: the gateway gives what it has, and the host knows its age")
simulator.clear_faults()
again(FLEETING)
until(lambda: time.time() - float(get(USERS, probe.certificate)[1]["Gate-Asked-At"]) < 60, 30)
probe.forget()
is_(probe.check("olivia.owner"), "allow ok miss", "the API answers again: a fresh answer")
ok(all(fact["age"] < 60 for fact in probe.facts.values()), "... of now") or diag(json.dumps(probe.facts))

# ---- The API sends what is broken, and then fails.

# An answer is old after a second, and asked for again in the next.
QUICK = (FLEETING, ("stale-while-revalidate=10", "stale-while-revalidate=0"), ("rate=3r/m", "rate=600r/m"),
         (r"(?<openai_gate_tens>\d+)\d\.", r"(?<openai_gate_tens>\d+)\."))


def broken_then_down(kind):
    """What hosts hear of an API that has answered well, and badly, and not."""
    empty()
    again(*QUICK)
    simulator.rate(0)
    good = get(USERS, probe.certificate)[2]
    simulator.fault(kind)

    def heard_broken():
        with contextlib.suppress(http.client.IncompleteRead):
            get(USERS, probe.certificate)
        return api(fault=kind)

    if not until(heard_broken):
        return "nothing broken"
    simulator.clear_faults()
    simulator.fault(503)
    heard = []

    def stale():
        _, headers, body = get(USERS, probe.certificate)
        heard.append(body)
        return headers["Gate-Cache"] == "STALE"

    served_stale = until(stale)
    simulator.clear_faults()
    if not served_stale:
        return "nothing stale"
    return "the good one" if heard[-1] == good else heard[-1]


for kind in ("html", "empty", "unframed", "truncated", "interim", "gzip"):
    is_(broken_then_down(kind), "the good one", f"{kind}: a broken answer takes not the place of a good one")

# ---- Who may ask what.

again(LASTING)
simulator.clear_requests()
good = hosts[0].certificate
is_(get(USERS)[0], 403, "a host without a certificate is refused")
strange = certificates.stranger(SIMULATOR)
is_(get(USERS, strange)[0], 403, "one with another authority's is refused")
outsider = Host("outsider", issuer=strange)
like(outsider.check("olivia.owner"), "^misconfigured credential", "... and knows why")
like(outsider.cli("doctor").stdout, r"mend: the gateway refuses client_cert", "... and its doctor the mend")
for target in ("/", "/v1/models", "/v1/organization/users", "/v1/organization/users?limit=101", f"{USERS}&order=asc", f"{USERS}&limit=100",
               f"{USERS}&after=", f"{USERS}&emails%5B%5D=a&after=b", f"{USERS}{'&emails%5B%5D=a' * 21}", "/v1/organization/users/",
               "/v1/organization/users/..", "/v1/organization/users/../admin_api_keys?limit=100", "/v1/organization/users/%2e%2e",
               "/v1/organization/users/a%2Fb", "/v1/organization/users/a/b", "/v1/organization/projects?limit=100",
               "/v1/organization/projects/p/api_keys", "/v1/organization/groups?limit=100", "/v1/organization/groups/g/users?limit=100",
               "/v1/organization/admin_api_keys", "/v1/organization/admin_api_keys?limit=100&after=k",
               "/v1/organization/admin_api_keys/k", "//v1/organization/users?limit=100", "/v1/organization/invites/i",
               "/v1/organization/costs?limit=100"):
    is_(get(target, good)[0], 403, f"forbidden: {target[:70]}")
for method in ("POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"):
    is_(get(USERS, good, method)[0], 405, f"forbidden: {method}")
for port in (8444, 8445):
    is_(get(USERS, port=port)[0], 403, f"port {port} does not open without the key")
    is_(get(USERS, port=port, Authorization="Bearer sk-admin-x")[0], 403, "... nor with another")
is_(api(), [], "nothing of that came to the API")
for target in ("/v1/organization/admin_api_keys?limit=100", "/v1/organization/users/user-x%3Ay", f"{USERS}&after=user-a%2Bb%3D",
               f"{USERS}{'&emails%5B%5D=ann%2Bx%40example.com' * 20}", "/v1/organization/projects/proj_web/users/user-1",
               f"{USERS}{('&emails%5B%5D=' + '%C3%A4' * 150) * 20}",
               "/v1/organization/groups/group_01J8ONCALL7Q2M/users?limit=1000&after=a%2F", "/v1/organization/groups/g.1~/users/user-1"):
    before = len(api())
    status, headers, _ = get(target, good, Authorization="Bearer sk-host", Cookie="a=b", X_Host="me")
    is_((status in (200, 400, 404), len(api()) - before), (True, 1), f"allowed: {target[:70]}") or diag(f"{status} {headers}")
line = api()[-1]
is_(line["path"] + "?" + line["query"] if line["query"] else line["path"], "/v1/organization/groups/g.1~/users/user-1",
    "as the host spelled it")
unlike(json.dumps([line["headers"] for line in api()]), r"(?i)cookie|sk-host|X_Host", "without anything else of the host's")
is_({line["key"] for line in api()}, {"admin"}, "and with the gateway's key")
again(LASTING)
simulator.clear_requests()
is_(get("/v1/organization/projects/proj_web", good, body=b"hello")[0], 200, "a host that sends a body is answered")
is_(get("/v1/organization/groups/g.1~", good, body=iter([b"hello"]))[0], 404, "... one in chunks too")
unlike(json.dumps([line["headers"] for line in api()]), r"(?i)content-length|transfer-encoding",
       "... and no length goes further without its body")
again(LASTING)
doctor = hosts[0].cli("doctor")
is_(doctor.returncode, 0, "a host's doctor finds all well") or diag(doctor.stdout)
like(doctor.stdout, r"ok +key .*gateway", "... without a key")

# ---- The pace.

again(LASTING)
simulator.clear_requests()
answers = [get(f"/v1/organization/users/user-{i}", good) for i in range(10)]
is_([answer[0] for answer in answers].count(429), 6, "one class, ten requests: four go to the API")
is_(len(api()), 4, "... and no more")
is_({answer[1]["Retry-After"] for answer in answers if answer[0] == 429}, {"20"}, "the others are told when to come back")
is_({get(USERS, good)[0] for _ in range(30)}, {200}, "what is kept is not counted")
is_(api(status=429), [], "the API never said 429")

# ---- The key.

secret = simulator.admin_key
said = "".join(f"{answer[1]}{answer[2]}" for answer in [*answers, get(USERS, good)])
ok(secret not in said, "no answer to a host shows the key")
for place in ("/etc/openai-gate", KEPT, NOW, f"{NGINX}/gateway.log", nginx.error_log, f"{NGINX}/fleet-gateway.conf", "/var/cache"):
    found = subprocess.run(["grep", "-rlF", secret, place], capture_output=True, text=True, check=False).stdout
    is_(found, "", f"it is not in {place}")
os.chmod(KEY_FILE, 0)
status, said = nginx.test()
is_(status, 0, "root reads it, whatever its mode")

# ---- The API's certificate.

empty()
again((f"proxy_ssl_trusted_certificate {made['ca']}", f"proxy_ssl_trusted_certificate {os.path.dirname(made['ca'])}/strange-ca.pem"))
is_(get(USERS, good)[0], 502, "an API of another authority is not spoken to")
empty()
again(("proxy_ssl_name localhost", "proxy_ssl_name elsewhere.example.com"))
is_(get(USERS, good)[0], 502, "nor one of another name")

is_(nginx.quit(), 0, "ends")
is_(nginx.complaints(), [], "the log is clean")
simulator.stop()
done_testing()
