"""The fault matrix: one table of faults, and every door, state of the store and
person meets each of them.

    matrix.run(ROWS, lanes)

A row says once what is decided; DESIGN's table says what each door makes of it.
The cells of a row are asked at the same time, each at a site of its own: door,
gate.conf, store. Then the fault goes, and the same sites decide right again.

Several lanes work through the rows side by side. A lane has its own simulator,
its own name in DNS and its own sites; what a row changes for the whole machine
is for a test with one lane.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import faulthandler
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from typing import Callable

from gate import CLI, decisions, helpers, write
from nginx import Nginx
from pamdrive import Pam
from sim import Simulator
from tap import diag, is_
from wait import until

DIRECTORY = "/srv/matrix"
DOORS = ("pam", "cli", "nginx")

# Who may pass, and who must not.
PEOPLE = {"ann": "allow ok", "eve": "deny not-a-member"}
USERS = {"ann": "ann@example.com", "eve": "eve@example.org"}

# Seconds of a decision: a third attempt begins before two are over, and so has
# time enough to fail; and six clients take in 34 MB each, on a slow machine too.
_TIMEOUT = 8
_RECOVERY_SECONDS = 60
_WATCHDOG_SECONDS = 900

_PAM_CODES = {"allow": "PAM_SUCCESS", "deny": "PAM_PERM_DENIED", "unavailable": "PAM_AUTHINFO_UNAVAIL",
              "misconfigured": "PAM_SERVICE_ERR"}
_CLI_CODES = {"allow": 0, "deny": 1, "unavailable": 2, "misconfigured": 3}
_NGINX_CODES = {"allow": 200, "deny": 403, "unavailable": 503, "misconfigured": 500}


def _always(_):
    """Nothing has to be done."""


@dataclasses.dataclass(frozen=True)
class Row:
    """
    words   what is decided of somebody of whom nothing can be known
    begin   sets the fault up, for a lane; end takes it away
    site    … for one site: a context
    how     … for the process of one decision: a site's arguments for
            subprocess.run, or None where the door has no such process
    doors   words of a door to which DESIGN gives others
    eve     words of who must not pass, where no answer has been whole
    warm    words where the store knows; what it knows, unless said
    states  of the store for which the row means something
    renew   nginx's worker is another one once the fault is there
    refuses nginx -t must, for what it then says
    patient the store keeps its pace at the end of the fault, so that a
            back-off has to pass first
    """

    name: str
    words: str
    begin: Callable = _always
    end: Callable = _always
    site: Callable = lambda site: contextlib.nullcontext()
    how: Callable = lambda site: {}
    doors: dict = dataclasses.field(default_factory=dict)
    eve: str | None = None
    warm: str | None = None
    states: tuple = ("cold", "warm")
    renew: bool = False
    refuses: str | None = None
    patient: bool = False

    def expected(self, site):
        """What the site decides while the fault is there."""
        words = self.doors.get(site.door, self.words)
        if site.person == "eve" and self.eve is not None:
            return self.eve
        if site.state == "warm":
            if self.warm is not None and site.door not in self.doors:
                words = self.warm
            elif words.split()[0] not in ("allow", "deny") and (site.lane.fresh or site.person == "ann"):
                # A fact serves, be it stale; that somebody is not there must be fresh.
                return PEOPLE[site.person]
        if words.split()[0] in ("allow", "deny") and site.person == "eve":
            # It did no harm; so who must not pass does not.
            return PEOPLE["eve"]
        return words


class Site:
    """One door with a configuration and a store of its own, for one person."""

    def __init__(self, lane, door, state, person):
        self.lane, self.door, self.state, self.person = lane, door, state, person
        self.name = f"{lane.name}-{door}-{state}-{person}"
        self.directory = f"{DIRECTORY}/{self.name}"
        self.conf = f"{self.directory}/etc/gate.conf"
        self.store = f"{self.directory}/var/store"
        self.key = f"{self.directory}/etc/admin.key"
        self.map = f"{self.directory}/etc/users.map"
        self.ca = f"{self.directory}/etc/ca.pem"
        self.nginx = None
        os.makedirs(f"{self.directory}/etc")
        os.makedirs(f"{self.directory}/var")
        if door != "nginx":
            os.mkdir(self.store)
        write(self.key, lane.simulator.admin_key + "\n", 0o600)
        shutil.copy(lane.simulator.ca_file, self.ca)
        write(self.map, "".join(f"{name}  {address}\n" for name, address in USERS.items()))
        self.configure()
        self._open(Pam())

    def configure(self, organization="", url=None):
        cache = f"directory = {self.store}\n" if self.door != "nginx" else ""
        times = "negative_ttl = 10m\n" if self.lane.fresh else "ttl = 1s\nnegative_ttl = 1s\n"
        write(self.conf, f"""[api]
key_file = {self.key}
ca_file = {self.ca}
base_url = {url or self.lane.url}
organization = {organization}
timeout = {_TIMEOUT}s
requests_per_minute = 6000
[identity]
map_file = {self.map}
[cache]
{cache}{times}[policy member]
role = owner reader
""")

    def _open(self, pam):
        """The door itself."""
        self.pam = pam
        if self.door == "pam":
            pam.door(self.name, f"conf={self.conf} policy=member")
        elif self.door == "nginx":
            self.port = next(_PORTS)
            self.nginx = Nginx(f"""
                openai_gate_config {self.conf};
                openai_gate_cache {self.store};
                openai_gate_identity $http_x_user;
                server {{
                    listen 127.0.0.1:{self.port};
                    location / {{
                        openai_gate member;
                        add_header X-Decision "$openai_gate_verdict $openai_gate_reason" always;
                    }}
                }}""", workers=1, directory=f"{self.directory}/nginx")
            self.nginx.start()

    def ask(self, how=None):
        """Verdict and reason of one decision; what is odd about it as well."""
        return getattr(self, f"_ask_{self.door}")(how or {})

    def _ask_pam(self, how):
        journal = self.lane.journal
        mark = journal.mark()
        answer = self.pam.ask(self.name, self.person, **how)
        words = [one.words for one in decisions(journal, mark) if one.service == self.name]
        if len(words) != 1:
            return f"decisions: {words} {answer}"
        if answer.code != _PAM_CODES.get(words[0].split()[0]) or answer.left or answer.trouble:
            return f"{words[0]}, and {answer}"
        return words[0]

    def _ask_cli(self, how):
        done = subprocess.run([CLI, "--conf", self.conf, "check", "--json", "--policy", "member", self.person],
                              **({"capture_output": True, "text": True, "timeout": 60, "check": False} | how))
        try:
            found = json.loads(done.stdout)
        except (ValueError, TypeError):
            return f"no answer: {done}"
        words = f"{found['verdict']} {found['reason']}"
        return words if _CLI_CODES.get(found["verdict"]) == done.returncode else f"{words}, and {done}"

    def _ask_nginx(self, _):
        answer = self.nginx.get(user=self.person, port=self.port)
        words = answer.header("X-Decision") or "none"
        if answer.status != _NGINX_CODES.get(words.split()[0]) or ("inside" in answer.body) != (answer.status == 200):
            return f"{words}, and {answer}"
        return words

    # The store.

    def files(self, *directories):
        return [os.path.join(top, name) for top, _, names in os.walk(self.store) for name in names
                if not directories or os.path.basename(top) in directories]

    def forget(self):
        for path in self.files():
            os.unlink(path)

    def forget_pace(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.store}/pace")

    def prepare(self):
        """The state that its name says: of long ago, or of a moment ago."""
        if self.state == "cold":
            self.forget()
            if self.nginx:
                self.nginx.next_second()
        elif not self.lane.fresh:
            # All that was known is older than a second.
            known = time.time()
            until(lambda: time.time() > known + 2.05)

    def left(self):
        """What a decision has left behind and should not."""
        odd = [path for path in self.files() if re.search(r"tmp|temp|new", os.path.basename(path))
               or os.stat(path).st_mode & 0o022]
        for path in self.files("lists", "singles"):
            if not re.fullmatch(r"[0-9a-f]{64}", os.path.basename(path)):
                odd.append(path)
        if self.nginx and len(self.nginx.worker_pids(ending=True)) != 1:
            odd.append(f"{self.name}: workers {self.nginx.worker_pids(ending=True)}")
        return odd

    def refuses(self, pattern):
        """True, or what nginx -t says."""
        status, said = self.nginx.test()
        return (status == 1 and re.search(f"emerg.* {self.directory}.*{pattern}", said) is not None) or (status, said)

    def alerts(self, wanted):
        """What nginx's log has no business to say; a verdict that an
        administrator must see is an alert by design."""
        if not self.nginx:
            return []
        but = rf"misconfigured|credential|openai_gate: .*(HTTP 40[13]|serving stale|{self.directory})" if wanted else None
        return self.nginx.complaints(but=but)


_PORTS = iter(range(9000, 10000))


class Lane:
    """`fresh`: a warm store knows all for ten minutes; else it is stale."""

    def __init__(self, number, journal, names=None, fresh=False, **simulated):
        self.name = f"l{number}"
        self.journal, self.names, self.fresh = journal, names, fresh
        self._simulated = simulated
        self.simulator = Simulator("/var/tmp/sim", **simulated)
        self.port = self.simulator.port
        self.host = "127.0.0.1"
        if names:
            self.host = f"{self.name}.example.net"
            names.set(self.host, "address")
        self.url = self.simulator.url.replace("127.0.0.1", self.host)
        self.sites = [Site(self, door, state, person) for door in DOORS for state in ("cold", "warm")
                      for person in PEOPLE]

    def another_simulator(self, **changed):
        """One with other properties, in the place of this."""
        self.simulator.stop()
        self.simulator = Simulator("/var/tmp/sim", port=self.port, **(self._simulated | changed))

    def each(self, do, sites):
        """do(site) for all at once; an exception is what it gives."""
        def one(site):
            try:
                return do(site)
            except Exception as error:  # a cell that breaks is a cell that fails
                return f"{type(error).__name__}: {error}"

        with concurrent.futures.ThreadPoolExecutor(len(self.sites)) as pool:
            return dict(zip((site.name for site in sites), pool.map(one, sites)))

    def recover(self, sites, pace=False):
        """Sites that do not decide right, with the fault gone."""
        def one(site):
            if pace:
                site.forget_pace()
            last = []

            def right():
                last[:] = [site.ask()]
                return last[0] == PEOPLE[site.person]

            until(right, _RECOVERY_SECONDS)
            return last[0]

        found = self.each(one, sites)
        return {name: words for name, words in found.items() if words != PEOPLE[name.rsplit("-", 1)[1]]}

    def meet(self, row):
        """One row of the matrix."""
        sites = [site for site in self.sites if site.state in row.states and row.how(site) is not None]
        mark = self.journal.mark()
        troubles = self.each(Site.prepare, sites)
        with contextlib.ExitStack() as stack:
            for site in sites:
                stack.enter_context(row.site(site))
            row.begin(self)
            stack.callback(row.end, self)
            if row.renew:
                troubles |= self.each(lambda site: site.nginx and (site.nginx.reload() or "no new worker") and None, sites)
            got = self.each(lambda site: site.ask(row.how(site)), sites)
            refused = [site.refuses(row.refuses) for site in sites if site.nginx and row.refuses]
        for site in sites:
            want = row.expected(site)
            found = got[site.name] if not isinstance(troubles.get(site.name), str) else troubles[site.name]
            if not is_(found, want, f"{row.name}: {site.door}, {site.state}, {site.person}: {want}"):
                diag(self.journal.text(" (warning|err|alert|crit|emerg) ", mark))
        if row.refuses:
            is_(refused, [True] * len(refused), f"{row.name}: nginx -t refuses it, and names it")
        wanted = row.refuses or any(row.expected(site).startswith("misconfigured") or row.words.startswith("misconfigured")
                     for site in sites)
        if row.renew:
            self.each(lambda site: site.nginx and site.nginx.reload(), sites)
        is_(self.recover(sites, not row.patient), {}, f"{row.name}: over, and all is right again")
        is_([one for site in sites for one in site.left()], [], f"{row.name}: nothing is left in the stores")
        alerts = [line for site in sites for line in site.alerts(wanted)]
        is_(alerts, [], f"{row.name}: nginx has nothing to alert of")
        for site in sites:
            if site.nginx:
                site.nginx.since_now()


def run(rows, lanes):
    """All rows, by whichever lane is free; then what is left of it all."""
    faulthandler.dump_traceback_later(_WATCHDOG_SECONDS, exit=True)
    if len(sys.argv) > 1:  # by hand: only rows that match
        rows = [row for row in rows if re.search(sys.argv[1], row.name)]
    count = collections.Counter(row.name for row in rows)
    is_([name for name, times in count.items() if times > 1], [], "every row has a name of its own")
    for lane in lanes:
        is_(lane.recover(lane.sites), {}, f"{lane.name}: before any fault all decide right")
    before = {site.name: site.nginx.descriptors()[0] for lane in lanes for site in lane.sites if site.nginx}
    waiting = queue.SimpleQueue()
    for row in rows:
        waiting.put(row)

    def work(lane):
        while True:
            try:
                row = waiting.get_nowait()
            except queue.Empty:
                return
            lane.meet(row)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _end(lanes, before)


def _end(lanes, before):
    """No process, no descriptor, nothing that the simulators did not like."""
    if not until(lambda: not helpers()):
        diag(f"helpers: {helpers()}")
    is_(helpers(), [], "no helper is left")
    for lane in lanes:
        for site in lane.sites:
            if not site.nginx:
                continue
            # An idle connection to the API, or two, come and go.
            until(lambda site=site: site.nginx.descriptors()[0] <= before[site.name] + 2)
            is_(site.nginx.descriptors()[0] <= before[site.name] + 2, True, f"{site.name}: no descriptor is left")
            is_(site.nginx.quit(), 0, f"{site.name}: nginx ends")
            is_(site.alerts(False), [], f"{site.name}: with a clean log")
        is_(lane.simulator.errors(), "", f"{lane.name}: the simulator had no trouble")
    faulthandler.cancel_dump_traceback_later()
