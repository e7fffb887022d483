"""The same static file behind each gate, everything known: one worker, 64
connections, a person chosen anew for each request. Short slices, each beside
one without a gate. The worker's processor time for a request says more than the
throughput where other programs run beside it."""

import base64
import contextlib
import glob
import os
import re
import shutil
import statistics
import subprocess

import bench
import directory
import nginx
from result import Row, Table

SECONDS = 1
CONNECTIONS = 64
SOCKET = f"{nginx.DIRECTORY}/auth.sock"
AUTH_PAM = "/usr/lib/nginx/modules/ngx_http_auth_pam_module.so"
NONE = "no gate"
REQUEST = "auth_request, unix socket"

# The same head for all gates: each reads what it wants of it.
_BASIC = base64.b64encode(b"person7:word").decode()

# A wrk script: who asks. Text is made once, since wrk runs beside nginx.
_ASK = """\
local ready, at = {}, 0
function init()
    for i = 0, 9999 do
        ready[i] = wrk.format("GET", "%s", { ["X-User"] = "person" .. (i * %d) %% %d, ["Authorization"] = "Basic %s" })
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
    proxy_cache_path %(place)s/cache keys_zone=ask:10m inactive=1d;
    upstream local { server unix:%(place)s/auth.sock; keepalive 64; }
    server {
        listen unix:%(place)s/auth.sock;
        location / { return 204; }
    }
    server {
        listen 127.0.0.1:%(port)d;
        location /none/ { alias %(html)s/; }
        location /gate/ { openai_gate bench; alias %(html)s/; }
        location /plain/ { auth_basic gate; auth_basic_user_file %(place)s/plain; alias %(html)s/; }
        location /apr1/ { auth_basic gate; auth_basic_user_file %(place)s/apr1; alias %(html)s/; }
        location /request/ { auth_request /ask; alias %(html)s/; }
        location /cached/ { auth_request /ask-cached; alias %(html)s/; }
        location /cached-check/ {
            auth_request /ask-cached;
            auth_request_set $ask $upstream_cache_status;
            add_header X-Cache $ask;
            alias %(html)s/;
        }
        %(pam)s
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass_request_body off;
        location = /ask { internal; proxy_pass http://local; }
        location = /ask-cached {
            internal;
            proxy_pass http://local;
            proxy_cache ask;
            proxy_cache_key $http_x_user;
            proxy_cache_valid 204 1d;
        }
    }
"""

_PAM = """
        location /pam/ { auth_pam gate; auth_pam_service_name bench-web; alias %(html)s/; }
"""

# By place: the name, and what must be refused there (None: nobody is).
GATES = {
    "gate": ("openai_gate", {"X-User": "nobody-there"}),
    "plain": ("auth_basic, plain text", {"Authorization": "Basic cGVyc29uNzp3cm9uZw=="}),
    "apr1": ("auth_basic, apr1", {"Authorization": "Basic cGVyc29uNzp3cm9uZw=="}),
    "request": (REQUEST, None),
    "cached": ("auth_request with proxy_cache", None),
    "pam": ("auth_pam (pam_permit)", {}),
}
SIZES = (1_000, 10_000, 1_000_000)


def _ours(people):
    return f"openai_gate, {people:,} people"


def _processor_us(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 / os.sysconf("SC_CLK_TCK")


class Server:
    """One nginx whose store knows so many people."""

    def __init__(self, people, port):
        self.people, self.port = people, port
        conf = bench.conf(f"web-{people}", api="base_url = none")
        store = bench.store(f"web-{people}")
        shutil.rmtree(store, ignore_errors=True)  # of another table, and nginx's
        bench.run(bench.program("fill"), conf, str(people))
        subprocess.run(["chown", "-R", "www-data:", store], check=True)
        place = f"{nginx.DIRECTORY}-{people}"
        self.pam = os.path.exists(AUTH_PAM)
        words = {"conf": conf, "store": store, "place": place, "html": f"{place}/html", "port": port}
        text = _SERVER % (words | {"pam": _PAM % words if self.pam else ""})
        self.nginx = nginx.Nginx(text, events="worker_connections 2048;", workers=1, level="error", directory=place,
                                 main=f"load_module {AUTH_PAM};" if self.pam else "")
        for kind, word in (("plain", "{PLAIN}word"), ("apr1", bench.run("openssl", "passwd", "-apr1", "word").strip())):
            bench.gate.write(f"{place}/{kind}", f"person7:{word}\n")

    def __enter__(self):
        self.nginx.start()
        self._pid = self.nginx.worker_pids()[0]
        return self

    def __exit__(self, *_):
        self.nginx.quit()

    def slice(self, place):
        """Requests a second, and microseconds of the worker's time for each."""
        script = f"{bench.PLACE}/ask-{place}-{self.people}.lua"
        target = f"/{place}/index.html"
        bench.gate.write(script, _ASK % (target, max(self.people // 10000, 1), self.people, _BASIC))
        before = _processor_us(self._pid)
        said = bench.run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script, f"http://127.0.0.1:{self.port}/")
        used = _processor_us(self._pid) - before
        requests = int(re.search(r"(\d+) requests in", said)[1])
        if "Non-2xx" in said or not requests:
            raise RuntimeError(f"{place}: {said}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), used / requests

    def get(self, place, headers):
        return self.nginx.get(f"/{place}/index.html", headers=headers, port=self.port)

    def prove(self, place):
        """Each gate lets in whom it should, and keeps out whom it should not."""
        known = {"X-User": "person7", "Authorization": f"Basic {_BASIC}"}
        if self.get(place, known).status != 200:
            raise RuntimeError(f"{place} keeps out whom it should let in: {self.nginx.log()[-500:]}")
        wrong = GATES[place][1]
        if wrong is not None and self.get(place, wrong).status not in (401, 403, 503):
            raise RuntimeError(f"{place} lets in whom it should not")
        if place == "cached" and self.get("cached-check", known).header("X-Cache") != "HIT":
            raise RuntimeError("proxy_cache keeps nothing")
        if place == "pam":
            _service("pam_deny.so")
            refused = self.get(place, known).status
            _service("pam_permit.so")
            if refused != 401:
                raise RuntimeError("auth_pam does not ask PAM")


def _service(module):
    bench.gate.write("/etc/pam.d/bench-web", f"auth required {module}\naccount required {module}\n")


def _pair(server, place, turn, row, base):
    """A slice of that gate, and beside it one of none."""
    for one in (place, "none") if turn % 2 else ("none", place):
        rate, used = server.slice(one)
        into = row if one == place else base
        into.values.append(rate)
        into.cpu.append(used)


def _measure(servers):
    """By (place, people) the row and its own yardstick."""
    rows = {}
    for people, server in servers.items():
        for place in GATES if people == 10_000 else ("gate",):
            if place == "pam" and not server.pam:
                continue
            server.prove(place)
            server.slice(place)  # warm
            base = Row(NONE, [], cpu=[])
            name = _ours(people) if place == "gate" else GATES[place][0]
            rows[place, people] = Row(name, [], base, []), base
    for turn in range(max(bench.ROUNDS // 4, 2)):
        for (place, people), (row, base) in rows.items():
            _pair(servers[people], place, turn, row, base)
    return rows


def _by_time(row, other):
    """The share by processor time, which others on the machine take less of."""
    return statistics.median(other.cpu) / statistics.median(row.cpu)


def _judge(table, rows):
    ours = {people: rows["gate", people][0] for people in SIZES}
    for people, share in ((10_000, 0.98), (1_000_000, 0.93)):
        ratio = ours[people].ratio()
        ours[people].at_least(f"{share} of no gate", ratio.median, share,
                              f"half of the slices are between {ratio.low:.2f} and {ratio.high:.2f} of their neighbour; by the "
                              f"worker's processor time it is {_by_time(ours[people], ours[people].base):.2f}")
    rivals = [rows[place, 10_000][0] for place in ("request", "cached")]
    best = max(row.ratio().median for row in rivals)
    ours[10_000].at_least("1.4 times auth_request's best", ours[10_000].ratio().median / best, 1.4)
    # Time, and so the inverse of the throughput.
    ours[1_000_000].at_most("1.05 of the time with 1,000", ours[1_000].ratio().median / ours[1_000_000].ratio().median, 1.05)
    shares = ", ".join(f"{people:,} people {_by_time(row, row.base):.2f}" for people, row in ours.items())
    table.note(f"by the worker's processor time, of no gate: {shares}; "
               f"against auth_request's best: {min(_by_time(ours[10_000], row) for row in rivals):.2f}")


def tables():
    failed = "" if glob.glob(AUTH_PAM) else directory.unpack()
    _service("pam_permit.so")
    table = Table("nginx_warm", "nginx: the same file behind each gate, warm", "requests/s", "µs CPU")
    with contextlib.ExitStack() as stack:
        servers = {people: stack.enter_context(Server(people, nginx.PORT + at)) for at, people in enumerate(SIZES)}
        rows = _measure(servers)
    _judge(table, rows)
    none = table.row(NONE, [], cpu=[])
    for row, base in rows.values():
        none.values += base.values
        none.cpu += base.cpu
        table.rows.append(row)
    if not servers[10_000].pam:
        table.missing["auth_pam (pam_permit)"] = failed or "no package for this nginx"
    table.note(f"one worker, {CONNECTIONS} connections, slices of {SECONDS} s, each compared with one of no gate beside it")
    table.note("the same 10,000 people ask each (of the million, every hundredth); auth_basic knows one user, "
               "since it would read a file of 10,000 from top to bottom; auth_pam waits for PAM, and all others with it")
    yield table
