"""Starts the simulated Administration API and speaks with it.

    with Simulator(directory, organization) as sim:
        write_conf(base_url=sim.url, ca_file=sim.ca_file,
                   key_file=sim.key_file(f"{directory}/admin.key"))
        sim.fault(429, style="text", seconds=3, times=1, path="users")
        ...
        sim.remove_member("proj_web", "ann@example.com")
        is_(len(sim.requests(endpoint="users")), 1, "one list request")

tests/sim/README.md describes the organization, the faults and the log.
"""

import http.client
import json
import os
import select
import subprocess
import tempfile
import urllib.parse

import certificates

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "..", "sim", "openai_sim.py")
EXAMPLE = os.path.join(os.path.dirname(_PROGRAM), "organization.json")

_START_SECONDS = 20
_END_SECONDS = 5


class SimulatorError(Exception):
    """It did not start, or refused what was asked of it."""


class Simulator:
    """
    directory     made if need be; certificates are kept and shared there
    organization  a dict, or the path of a file that is then watched
    certificate   "good", "wrong-name", "other-ca" or "expired"
    clients       "any", or "certificate": client_cert and client_key are wanted
    scheme        "https", or "http" on loopback without TLS
    rate          requests a `rate_window` of seconds for each endpoint; 0: all
    rate_style    how a 429 tells the delay: "retry-after", "text", "none"
    """

    def __init__(self, directory, organization=EXAMPLE, prefix="/v1",
                 certificate="good", clients="any", scheme="https", port=0,
                 rate=0, rate_style="retry-after", rate_window=60):
        os.makedirs(directory, mode=0o755, exist_ok=True)
        own = tempfile.mkdtemp(prefix="sim-", dir=directory)
        self.log_file = os.path.join(own, "requests.log")
        self.error_file = os.path.join(own, "stderr")
        self.organization_file = organization
        if isinstance(organization, dict):
            self.organization_file = os.path.join(own, "organization.json")
            with open(self.organization_file, "w", encoding="utf-8") as file:
                json.dump(organization, file, indent=2)
        made = certificates.make(directory)
        self.ca_file = made["ca"]
        self.client_cert, self.client_key = made["client"]
        command = [
            "/usr/bin/python3", _PROGRAM,
            "--organization", self.organization_file,
            "--listen", f"127.0.0.1:{port}", "--prefix", prefix,
            "--rate", str(rate), "--rate-style", rate_style,
            "--rate-window", str(rate_window),
            "--log", self.log_file, "--die-with-parent", str(os.getpid()),
        ]
        if scheme == "http":
            command += ["--plain"]
        else:
            cert, key = made[certificate]
            command += ["--cert", cert, "--key", key]
        if clients == "certificate":
            command += ["--client-ca", self.ca_file]
        self._start(command)

    def _start(self, command):
        """Waits on one pipe: the simulator writes to it when it listens, and
        it ends when the simulator does."""
        reading, writing = os.pipe()
        try:
            with open(self.error_file, "wb") as errors:
                self._process = subprocess.Popen(
                    [*command, "--ready-fd", str(writing)], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=errors, pass_fds=(writing,))
            os.close(writing)
            writing = -1
            text = self._await_ready(reading)
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)
        if not text:
            self.stop()
            raise SimulatorError(f"the simulator did not start: {self.errors()}")
        ready = json.loads(text)
        self.pid = ready["pid"]
        self.url = ready["url"]
        self.control_url = ready["control"]
        self.port = urllib.parse.urlsplit(self.url).port
        self._control = urllib.parse.urlsplit(self.control_url).netloc

    @staticmethod
    def _await_ready(reading):
        text = b""
        while select.select([reading], [], [], _START_SECONDS)[0]:
            piece = os.read(reading, 4096)
            if not piece:
                return text
            text += piece
        return b""

    def stop(self):
        """Ends it, at once; twice is fine."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.stop()

    def errors(self):
        """What it wrote to standard error; "" when all is well."""
        with open(self.error_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    # The control interface.

    def _ask(self, method, *words, body=None, query=""):
        target = "/" + "/".join(urllib.parse.quote(word, safe="") for word in words)
        connection = http.client.HTTPConnection(self._control, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, target + query, text)
            response = connection.getresponse()
            answer = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise SimulatorError(f"{method} {target}: {answer.strip()}")
        return answer

    @property
    def admin_key(self):
        return self.organization()["admin_key"]

    def key_file(self, path):
        """Writes the key the way the gate wants it, and returns the path."""
        if os.path.lexists(path):
            os.unlink(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(self.admin_key + "\n")
        return path

    # What came.

    def requests(self, **wanted):
        """The log, oldest first, as dicts; only those with these values:
        requests(endpoint="users", status=200)."""
        lines = [json.loads(line) for line in self._ask("GET", "requests").splitlines()]
        return [line for line in lines
                if all(line[key] == value for key, value in wanted.items())]

    def clear_requests(self):
        self._ask("DELETE", "requests")

    def wait_requests(self, count, seconds=10):
        """Until so many requests have come since the last clear_requests (a
        request counts when it has come, not when it is answered). All of them."""
        self._ask("GET", "requests", query=f"?wait={count}&seconds={seconds}")
        return self.requests()

    def connections(self):
        """Counters: accepted, open, handshakes_failed."""
        return json.loads(self._ask("GET", "connections"))

    # What is to go wrong.

    def fault(self, kind, path=None, query=None, times=None, **params):
        """kind: a name of tests/sim/README.md, or a status such as 503. path: an
        endpoint ("users") or a pattern ("/organization/projects/*/users");
        query: a part of the query string ("after="); times: how many requests."""
        body = {"kind": kind, "path": path, "query": query, "times": times, **params}
        self._ask("POST", "faults", body=body)

    def clear_faults(self):
        self._ask("DELETE", "faults")

    def faults(self):
        """Those still in force."""
        return json.loads(self._ask("GET", "faults"))

    def manual(self):
        """What every fault does, by its name."""
        return json.loads(self._ask("GET", "manual"))

    def rate(self, count, style="retry-after", window=60):
        """Another rate limit, all budgets whole; 0: none."""
        self._ask("PUT", "rate", body={"count": count, "style": style, "window": window})

    # The organization. `who` is an id or an address.

    def organization(self, document=None):
        """The organization, after putting another one in its place if given."""
        if document is not None:
            self._ask("PUT", "organization", body=document)
        return json.loads(self._ask("GET", "organization"))

    def change(self, **patch):
        """A JSON merge patch: change(admin_key="sk-admin-other")."""
        self._ask("PATCH", "organization", body=patch)

    def user(self, who):
        """The row that the API gives."""
        return json.loads(self._ask("GET", "users", who))

    def id_of(self, who):
        return self.user(who)["id"]

    def add_user(self, email, **fields):
        self._ask("PUT", "users", email, body=fields)

    def change_user(self, who, **fields):
        self.id_of(who)
        self._ask("PUT", "users", who, body=fields)

    def set_role(self, who, role):
        self.change_user(who, role=role)

    def ban(self, who):
        self.change_user(who, enabled=False, banned=True, banned_at=1740000000)

    def remove_user(self, who):
        """With every membership, as the API does."""
        self._ask("DELETE", "users", who)

    def add_member(self, project, who, role="member"):
        """Also changes the role of one who is there."""
        self._ask("PUT", "projects", project, "members", who, body={"role": role})

    def remove_member(self, project, who):
        self._ask("DELETE", "projects", project, "members", who)

    def add_group_member(self, group, who):
        self._ask("PUT", "groups", group, "members", who)

    def remove_group_member(self, group, who):
        self._ask("DELETE", "groups", group, "members", who)

    def add_project(self, project, **fields):
        self._ask("PUT", "projects", project, body=fields)

    def archive_project(self, project):
        self._ask("PUT", "projects", project, body={"archived": True})

    def remove_project(self, project):
        self._ask("DELETE", "projects", project)

    def add_group(self, group, **fields):
        self._ask("PUT", "groups", group, body=fields)

    def remove_group(self, group):
        self._ask("DELETE", "groups", group)

    def invite(self, email, **fields):
        self._ask("PUT", "invites", email, body=fields)

    def remove_invite(self, email):
        self._ask("DELETE", "invites", email)
