"""The directories that people use instead, on the throw-away machine only: slapd
with as many people, nslcd and sssd that ask it, all by a socket of slapd's. Also
the packages for them, which tests/bench/packages has downloaded."""

import glob
import os
import re
import subprocess

import bench
from wait import until

PLACE = f"{bench.PLACE}/directory"
SOCKET = f"{PLACE}/ldapi"
URL = "ldapi://" + SOCKET.replace("/", "%2F")
# sssd looks up a host in whatever stands there.
TCP = "ldap://127.0.0.1"
BASE = "dc=example,dc=com"
_ASKED = 10
_SLAPD_PROGRAM = "/usr/sbin/slapd"

_SLAPD = f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel none
database monitor
database mdb
maxsize 1073741824
suffix "{BASE}"
directory {PLACE}/db
index objectClass,uid,memberUid,cn,uidNumber,gidNumber eq
"""

_NSLCD = f"uri {URL}\nbase {BASE}\n"

# Who may pass is known to sssd without a question to slapd: its fastest.
_SSSD = f"""\
[sssd]
services = nss, pam
domains = bench
enable_files_domain = false
[domain/bench]
id_provider = ldap
auth_provider = none
sudo_provider = none
access_provider = simple
simple_allow_groups = members
ldap_uri = {TCP}
ldap_search_base = {BASE}
ldap_id_use_start_tls = false
"""

_PERSON = """
dn: uid=person{0},ou=people,{1}
objectClass: account
objectClass: posixAccount
uid: person{0}
cn: Person {0}
uidNumber: {2}
gidNumber: 100000
homeDirectory: /home/person{0}
"""


def unpack():
    """The packages' files and no more: what they would do to the machine when
    they are configured is not done. What is installed already was not
    downloaded. Returns the reason where it failed."""
    debs = glob.glob(f"{bench.PROGRAMS}/debs/*.deb")
    if debs:
        done = subprocess.run(["dpkg", "--unpack", "--no-triggers", "--force-depends", *debs],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            return done.stdout
    for path in glob.glob("/etc/ldap/**/*.dpkg-new", recursive=True):
        os.rename(path, path.removesuffix(".dpkg-new"))
    subprocess.run(["ldconfig"], check=True)
    return "" if os.path.exists(_SLAPD_PROGRAM) else "tests/bench/packages has not found the packages"


def _ldif(people):
    """The people, a group of all of them, and somebody outside of it."""
    yield (f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n"
           f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n")
    for number in range(people):
        yield _PERSON.format(number, BASE, 100001 + number)
    yield _PERSON.format("-outside", BASE, 90000)
    yield f"\ndn: cn=members,{BASE}\nobjectClass: posixGroup\ncn: members\ngidNumber: 100001\n"
    yield from (f"memberUid: person{number}\n" for number in range(people))


def _searches():
    """How many slapd has answered."""
    said = bench.run("ldapsearch", "-x", "-LLL", "-H", URL, "-s", "base", "-b", "cn=Search,cn=Operations,cn=Monitor",
                     "monitorOpCompleted")
    return int(re.search(r"monitorOpCompleted: (\d+)", said)[1])


class Daemon:
    """One of them, in the foreground, its output in a file."""

    def __init__(self, *command):
        self.log = f"{PLACE}/{os.path.basename(command[0])}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_answer(self, condition):
        if until(lambda: self._process.poll() is not None or condition()) and self._process.poll() is None:
            return
        with open(self.log, encoding="utf-8", errors="replace") as file:
            raise RuntimeError(f"{self.log}: {file.read()[-1000:]}")

    def end(self):
        self._process.terminate()
        self._process.wait()


class Directory:
    """slapd, and what of nslcd and sssd can be had; `missing` says what cannot
    and why. Ask with the PAM lines in `lines`."""

    def __init__(self, people):
        self.lines, self.missing, self._daemons = {}, {}, []
        self._people = people

    def __enter__(self):
        failed = unpack()
        self.missing = {name: failed for name in ("pam_ldap", "pam_sss") if failed}
        if failed:
            return self
        os.makedirs(f"{PLACE}/db", mode=0o755)
        self._slapd()
        self._try("pam_ldap", self._nslcd)
        self._try("pam_sss", self._sssd)
        return self

    def __exit__(self, *_):
        for daemon in reversed(self._daemons):
            daemon.end()

    def _try(self, name, start):
        try:
            start()
            self.lines[name] = f"{name}.so"
            self._prove(name)
        except (OSError, RuntimeError) as error:
            self.lines.pop(name, None)
            self.missing[name] = str(error)

    def _start(self, condition, *command):
        daemon = Daemon(*command)
        self._daemons.append(daemon)
        daemon.await_answer(condition)
        return daemon

    def _slapd(self):
        bench.gate.write(f"{PLACE}/slapd.conf", _SLAPD)
        bench.gate.write(f"{PLACE}/people.ldif", "".join(_ldif(self._people)))
        bench.run("slapadd", "-q", "-b", BASE, "-f", f"{PLACE}/slapd.conf", "-l", f"{PLACE}/people.ldif")
        self._start(lambda: os.path.exists(SOCKET), _SLAPD_PROGRAM, "-d", "0", "-f", f"{PLACE}/slapd.conf", "-h",
                    f"{URL} {TCP}")

    def _nslcd(self):
        os.makedirs("/run/nslcd", mode=0o755, exist_ok=True)
        bench.gate.write("/etc/nslcd.conf", _NSLCD, 0o600)
        self._start(lambda: os.path.exists("/run/nslcd/socket"), "/usr/sbin/nslcd", "-n")

    def _sssd(self):
        os.makedirs("/etc/sssd", mode=0o700, exist_ok=True)
        bench.gate.write("/etc/sssd/sssd.conf", _SSSD, 0o600)
        self._start(lambda: os.path.exists("/var/lib/sss/pipes/private/pam"), "/usr/sbin/sssd", "-i")

    def _prove(self, name):
        """It lets in who is there and refuses who is not."""
        stranger = "person-outside" if name == "pam_sss" else "nobody-there"
        ask = {user: bench.account(name, self.lines[name], user=user) for user in ("person7", stranger)}
        if not until(lambda: subprocess.run(ask["person7"], check=False).returncode == 0):
            raise RuntimeError(f"{name} refuses a member")
        if subprocess.run(ask[stranger], check=False).returncode == 0:
            raise RuntimeError(f"{name} lets a stranger in")
        if name == "pam_ldap":
            before = _searches()
            for _ in range(_ASKED):
                bench.run(*ask["person7"])
            if _searches() - before < _ASKED:
                raise RuntimeError("pam_ldap does not ask slapd each time")
