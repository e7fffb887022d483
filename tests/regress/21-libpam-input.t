#!/usr/bin/python3
"""Bad input through the real libpam: arguments, user names, and every file that
a decision trusts. A clear line in the log, the verdict that the manual page
says, and nobody let in by a mistake."""

import glob
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import CACHE, CONF, DIRECTORY, HELPER, HTTP, Gate, decisions, install, write
from journal import Journal
from pamdrive import Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, unlike

MAP = f"{DIRECTORY}/users.map"
KEY = f"{DIRECTORY}/admin.key"
MEMBER = {"member": {"pam_services": "door", "role": "owner reader"}}
PROTOCOL, CONFIG, UNSAFE = "unavailable protocol", "misconfigured config", "misconfigured unsafe-file"

CODES = {"allow": "PAM_SUCCESS", "deny": "PAM_PERM_DENIED", "unavailable": "PAM_AUTHINFO_UNAVAIL",
         "misconfigured": "PAM_SERVICE_ERR"}
UNKNOWN = {"deny bad-name", "deny no-identity"}

journal = Journal()
install()
simulator = Simulator("/run/sim")
gate = Gate(simulator, MEMBER, {"ann": "ann@example.com", "eve": "eve@example.org"})
pam = Pam()
pam.door("door")


def asked(words, name, user="ann", service="door", says=None, cold=False):
    """One question: the code, one decision in the log, and what it says."""
    if cold:
        gate.forget()
    mark = journal.mark()
    answer = pam.ask(service, user)
    code = "PAM_USER_UNKNOWN" if words in UNKNOWN else CODES[words.split()[0]]
    is_((answer.code, answer.left, answer.trouble), (code, (), ""), f"{name}: {code}")
    found = decisions(journal, mark)
    is_([one.words for one in found], [words], f"{name}: {words}")
    if says is not None:
        like("\n".join(one.said.get("message", "") for one in found), says, f"{name}: the log says what, where and how to mend it")
    return found


def rejected(arguments, says):
    pam.door("door", arguments)
    asked(CONFIG, f"argument {arguments[:40]!r}", says=says)
    pam.door("door")


def arguments():
    rejected("polcy=owner", r'"polcy=owner".*unknown.*conf=PATH policy=NAME debug quiet')
    rejected("DEBUG", r'"DEBUG".*unknown')
    rejected("debug=yes", r'"debug=yes".*unknown')
    rejected("quiet policy=member use_first_pass", r'"use_first_pass".*unknown')
    rejected("conf=gate.conf", r'"conf=gate\.conf".*absolute')
    rejected("conf=", r'"conf=".*no value')
    rejected("policy=", r'"policy=".*no value')
    rejected("policy=member policy=member", r'"policy=member".*twice')
    rejected(f"conf={CONF} conf=/etc/passwd", r'"conf=/etc/passwd".*twice')
    rejected("conf=/" + "x" * 600, r"x: .*No such file|x\.\.\.|xxx")

    pam.door("door", "policy=absent")
    asked("misconfigured no-policy", "a policy that is not there", says=r"no \[policy absent\].*pam\.d line names")
    pam.door("other-door", "policy=member")
    asked("allow ok", "a policy by its name, for a service that none names", service="other-door")
    pam.door("other-door")
    asked("misconfigured no-policy", "a service that no policy names", service="other-door",
          says=r'no policy has "other-door" in pam_services')
    os.mkdir("/etc/elsewhere")
    shutil.copy(CONF, "/etc/elsewhere/gate.conf")
    pam.door("other-door", "conf=/etc/elsewhere/gate.conf policy=member")
    os.rename(CONF, CONF + ".away")
    asked("allow ok", "another gate.conf", service="other-door")
    gate.forget()
    asked("allow ok", "another gate.conf, which the helper reads too", service="other-door")
    os.rename(CONF + ".away", CONF)

    for option, calls in (("quiet", ()), ("quiet nonsense", ()), ("nonsense quiet", ()), ("", ("--silent",))):
        pam.door("door", option)
        for user in ("eve", "nobody"):
            answer = pam.ask("door", user, options=calls)
            ok(answer.code != "PAM_SUCCESS", f"{option or calls}: {user} does not pass")
            is_(answer.said, (), f"{option or calls}: nothing is said")
    pam.door("door")
    is_(len(pam.ask("door", "eve").said), 1, "else one sentence is")


def names():
    """The map alone, then the template too."""
    long = "x" * 320
    for user in ("", "x" * 10240, long + "x", b"\xff\xfe", b"ann\xc3", "a/b", "/", "../../etc/passwd", "./ann", "a%", "%u", "%s%n",
                 "-ann", "ann bob", " ann", "ann\t", "ann\n", "a\rb", "\x1b[31m", "a\x7f", "\u0085", "ann\nallow ok: user=root"):
        found = asked("deny bad-name", f"name {user[:24]!r}", user)
        is_([(one.service, one.policy) for one in found], [("door", "-")], "... and its line is whole")
        ok(len(found[0].user) <= 67 * 4, "... and no longer than a line")
        unlike(found[0].text, r"[\x00-\x1f\x7f\u0080-\u009f]", "... nor holds a control character")
    is_(asked("deny bad-name", "a name of 10 kB", "x" * 10240)[0].user, "x" * 64 + "...", "... is cut")
    forged = "x policy=admin identity=root@example.com"
    like(asked("deny bad-name", "a name like a log line", forged)[0].text,
         r"user=x\\x20policy\\x3dadmin\\x20identity\\x3droot@example\.com service=door policy=- identity=-",
         "... is one word of the line")
    for user in (long, "..", ".", "+ann", "ANN", "Ann", "ann@example.com", "é", "user=ann", "ann#", '"ann"', "$(id)", "`id`", ";id"):
        asked("deny no-identity", f"name {user[:24]!r}: not in the map", user)

    simulator.add_user("ann+ssh@example.com")
    simulator.add_user("case.one@example.com")
    simulator.add_user("Case.Two@Example.COM")
    organization = simulator.organization()
    organization["users"] += [{"email": "twin@example.com", "id": "user-twin1"}, {"email": "TWIN@example.com", "id": "user-twin2"}]
    simulator.organization(organization)
    gate.configure(identity={"email": "%u@example.com"})
    gate.forget()
    asked("deny bad-name", "@ where the template adds one", "ann@example.com")
    asked("allow ok", "a plus sign is no blank", "ann+ssh")
    asked("deny not-a-member", "... nor nothing", "annssh")
    asked("allow ok", "a name in upper case makes the same address", "ANN")
    asked("allow ok", "... against a row in lower case", "CASE.ONE")
    asked("allow ok", "... and a row in upper case", "case.two")
    asked("deny not-a-member", "two dots are a name like others", "..")
    asked("deny not-a-member", "what a shell would run is a name like others", "$(id)")
    asked(PROTOCOL, "two rows that fold to one address", "twin")
    gate.forget()
    asked(PROTOCOL, "... also where the list is read for this one", "twin")
    asked("allow ok", "... hurt nobody else", "ben")
    gate.configure(identity={"email": "%u@example.com"}, users={"ann": "user-twin1", "joe": "user-nobody"})
    asked("allow ok", "... and one of them passes by id", "ann")
    asked("deny not-a-member", "an id that nobody has", "joe")
    gate.configure(identity={"email": ""}, users={"ann": "ann@example.com", "eve": "eve@example.org"})
    gate.forget()
    asked("allow ok", "and back again")


def trusted(path, name, missing, missing_says=None, cold=False):
    """What every trusted file must be; it is put right again. The helper looks
    at the key, and at what it loads, so what is wrong with these stands in lines
    of its own."""
    here = path not in (KEY, HTTP)
    text = open(path, "rb").read()
    mode = os.stat(path).st_mode & 0o777

    def restore():
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(text)
        os.chmod(path, mode)

    for wrong in (0o622, 0o662, 0o666, 0o777, 0o733) + ((0o604, 0o640) if path == KEY else ()):
        os.chmod(path, wrong)
        asked(UNSAFE, f"{name} of mode {wrong:o}", says=rf"{path}: mode 0{wrong:o} .*chmod" if here else None, cold=cold)
    os.chmod(path, mode)
    os.chown(path, 1000, 0)
    asked(UNSAFE, f"{name} of another owner", says=rf"{path}: owned by uid 1000.*chown root" if here else None,
          cold=cold)
    restore()
    os.rename(path, path + ".real")
    asked(missing, f"{name} missing", says=missing_says, cold=cold)
    os.symlink(path + ".real", path)
    asked(UNSAFE, f"{name} a symbolic link", says=rf"{path}: is a symbolic link" if here else None, cold=cold)
    os.unlink(path)
    os.mkdir(path, 0o700)
    asked(UNSAFE, f"{name} a directory", cold=cold)
    os.rmdir(path)
    os.mkfifo(path, 0o600)
    asked(UNSAFE, f"{name} a FIFO: no waiting for its other end", cold=cold)
    os.unlink(path + ".real")
    restore()
    parent = os.path.dirname(path)
    before = os.stat(parent).st_mode & 0o7777
    for wrong in (0o777, 0o1777, 0o775):
        os.chmod(parent, wrong)
        asked(UNSAFE, f"{name} in a directory of mode {wrong:o}", cold=cold)
    os.chmod(parent, before)
    os.chown(parent, 1000, 0)
    asked(UNSAFE, f"{name} in another's directory", cold=cold)
    os.chown(parent, 0, 0)


def written(text, says, words=CONFIG):
    """gate.conf as this text."""
    write(CONF, text)
    asked(words, f"gate.conf {text[-40:]!r}", says=says)


def configuration():
    trusted(CONF, "gate.conf", CONFIG, rf"{CONF}: No such file")
    good = gate.text()
    lines = good.count("\n") + 1
    written("", rf"{CONF}: no policy", "misconfigured no-policy")
    written("\0" * 100, rf"{CONF}:1: ")
    written(good + "[policy empty]\npam_services = x\n", rf"{CONF}:{lines}: .*")
    written(good + "[nonsense]\n", rf"{CONF}:{lines}: .*nonsense")
    written(good + "colour = red\n", rf"{CONF}:{lines}: .*colour")
    written(good + "role = owner\n", rf"{CONF}:{lines}: .*role")
    written(good + "[policy two]\nrole = \n", rf"{CONF}:{lines + 1}: ")
    written(good + "[policy two]\nproject = Web shop/\n", rf"{CONF}:{lines + 1}: ")
    written(good.replace("[cache]", "[cache]\nttl = -1s"), rf"{CONF}:\d+: .*ttl")
    written(good.replace("https://", "http://example.com/"), rf"{CONF}:\d+: .*base_url")
    written(good + "# " + "x" * 300000 + "\n", CONF)
    written(good + "# caf\xe9 \u2028 and no end of line", None, "allow ok")
    gate.configure()
    asked("allow ok", "gate.conf mended")


def identity_map():
    trusted(MAP, "users.map", CONFIG, rf"{MAP}: No such file")
    for text, says in (("ann ann@example.com\nbob b@example.com\nbob c@example.com\n", rf"{MAP}:3: .*bob"),
                       ("ann ann@example.com\nann ann@example.com\n", rf"{MAP}:2: "),
                       ("ann\n", rf"{MAP}:1: "), ("ann ann@example.com extra\n", rf"{MAP}:1: "),
                       ("ann a/../b\n", rf"{MAP}:1: "), ("ann " + "x" * 2000 + "\n", rf"{MAP}:1: "),
                       ("ann ann@example.com\n\0\n", rf"{MAP}:2: ")):
        write(MAP, text)
        asked(CONFIG, f"users.map {text[-30:]!r}", says=says)
    gate.configure()
    asked("allow ok", "users.map mended")


def key():
    """On a cold store, since nobody reads the key on a warm one."""
    secret = simulator.admin_key
    os.chmod(KEY, 0o666)
    asked("allow ok", "the key is not looked at while the store answers")
    os.chmod(KEY, 0o600)
    mark = journal.mark()
    trusted(KEY, "the key", CONFIG, cold=True)
    for text, words in (("", CONFIG), ("sk-proj-abcdefghijklmnop", "misconfigured credential"),
                        ("sk-svcacct-abcdefghijklmnop", "misconfigured credential"), (secret + "x", "misconfigured credential"),
                        (secret + "\n" + secret, CONFIG), (secret + " x", CONFIG), ("x" * 2000, CONFIG)):
        write(KEY, text, 0o600)
        asked(words, f"a key of {len(text)} bytes: {text[:8]!r}", cold=True)
    write(KEY, secret, 0o600)
    asked("allow ok", "a key without a final newline", cold=True)
    for what in (secret[:16], "abcdefghijklmnop"):
        ok(what not in journal.text(".", mark), "no part of a key is in the log")
    like(journal.text(since=mark), rf"alert openai-gate-fetch: {KEY}: mode 0666 ", "the helper's line names path and mode")


def helper():
    real = HELPER + ".kept"
    shutil.copy2(HELPER, real)

    def put(source, mode=0o755):
        if os.path.lexists(HELPER):
            os.unlink(HELPER)
        shutil.copy(source, HELPER)
        os.chmod(HELPER, mode)

    trusted(HELPER, "the helper", CONFIG, rf"{HELPER}: the helper is not installed", cold=True)
    put(real, 0o644)
    asked(UNSAFE, "a helper that is not executable", says=rf"{HELPER}: mode 0644 .*chmod 0755", cold=True)
    for source, says in (("/usr/bin/true", "0 bytes cannot be used"), ("/usr/bin/false", "exit status 1"), ("/usr/bin/echo", "cannot be used"),
                         ("/usr/bin/yes", "65536 bytes")):
        put(source)
        asked(PROTOCOL, f"{source} in the helper's place", says=rf"{HELPER}: .*{says}", cold=True)
    put("/etc/passwd")
    asked("unavailable store", "what is no program in the helper's place", says=rf"{HELPER}: .*cannot be executed", cold=True)
    put(real)
    asked("allow ok", "the helper back again", cold=True)
    tampered(real)
    put(real)

    gate.configure(cache={"ttl": "1s"})
    asked("allow ok", "a fact is stored", cold=True)
    stored = time.time()
    while time.time() < stored + 1:
        threading.Event().wait(0.1)
    os.unlink(HELPER)
    mark = journal.mark()
    found = asked("allow ok", "it serves stale while the helper is missing", says=HELPER)
    is_(found[0].said["cache"], "stale", "... and says that it does")
    like(journal.text(since=mark), rf"alert .*{HELPER}: the helper is not installed", "... and the log shouts")
    put(real)
    gate.configure(cache={"ttl": "10m"})


# Of another build than the helper.
STRANGER = 'struct { const char *headers; void *calls[8]; } og_http_part = { "0", { 0 } };'


def part():
    """What the helper loads when it has to ask."""
    real = HTTP + ".kept"
    shutil.copy2(HTTP, real)
    trusted(HTTP, "the helper's HTTP part", CONFIG, cold=True)
    strange = glob.glob("/usr/lib/*/security/pam_permit.so")[0]
    unloaded = f"err openai-gate-fetch: cannot load: {HTTP}: invalid ELF header; .* install openai-gate again"
    for what, source, outcome, says in (
            ("no shared object", "/etc/passwd", "unavailable network", unloaded),
            ("another program's", strange, UNSAFE, f"alert openai-gate-fetch: {HTTP}: .*og_http_part; install openai-gate again"),
            ("one of another build", None, UNSAFE, f"alert openai-gate-fetch: {HTTP}: of another build .*; install openai-gate again")):
        os.unlink(HTTP)
        if source:
            shutil.copy(source, HTTP)
        else:
            subprocess.run(["cc", "-x", "c", "-shared", "-fPIC", "-o", HTTP, "-"], input=STRANGER, text=True, check=True)
        os.chmod(HTTP, 0o644)
        mark = journal.mark()
        asked(outcome, f"{what} in its place", cold=True)
        like(journal.text(since=mark), says, "... and the log says why")
    os.rename(real, HTTP)
    asked("allow ok", "the right one again", cold=True)


# The real helper's reply, with one thing changed: "append", "longer" (and says
# so), "cut", "twice", "none", or the number of a byte.
TAMPER = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
	static char reply[131072];
	char how[32] = "";
	int end[2], status, n, len = 0;
	FILE *file = fopen("/run/tamper", "r");
	if (argc < 2 || !file || !fgets(how, sizeof(how), file) || pipe(end)) return 9;
	if (fork() == 0) { dup2(end[1], 1); close(end[0]); execv(REAL, argv); _exit(9); }
	close(end[1]);
	while ((n = read(end[0], reply + len, 65536 - len)) > 0) len += n;
	wait(&status);
	if (!strcmp(how, "append")) reply[len++] = 0;
	else if (!strcmp(how, "longer")) { reply[len++] = 0; reply[8]++; }
	else if (!strcmp(how, "cut")) len--;
	else if (!strcmp(how, "twice")) { memcpy(reply + len, reply, len); len *= 2; }
	else if (strcmp(how, "none")) { n = atoi(how); if (n >= len) return 77; reply[n] ^= 1; }
	return write(1, reply, len) != len;
}
"""


def tampered(real):
    """Not one byte of the reply may differ."""
    os.unlink(HELPER)
    subprocess.run(["cc", "-x", "c", f'-DREAL="{real}"', "-o", HELPER, "-"], input=TAMPER, text=True, check=True)

    def reply(how, words):
        write("/run/tamper", how)
        return asked(words, f"a reply tampered with: {how}", cold=True)

    reply("none", "allow ok")
    for how in ("append", "longer", "cut", "twice"):
        reply(how, PROTOCOL)
    for place in range(0, 400, 7):
        if "exit status 77" in reply(str(place), PROTOCOL)[0].text:
            break
    ok(100 < place < 400, f"each part of the {place} bytes was changed")


def store():
    shutil.rmtree(CACHE)
    asked("allow ok", "no store yet")
    is_(os.stat(CACHE).st_mode & 0o7777, 0o700, "... the helper made one, closed to others")
    simulator.clear_requests()
    asked("allow ok", "... which serves")
    is_(simulator.requests(), [], "... without a request")
    for wrong in (0o777, 0o1777, 0o770, 0o702):
        os.chmod(CACHE, wrong)
        asked(UNSAFE, f"a store of mode {wrong:o}", says=rf"{CACHE}: mode {wrong:04o} .*chmod")
    os.chmod(CACHE, 0o700)
    os.chown(CACHE, 1000, 0)
    asked(UNSAFE, "another's store", says=rf"{CACHE}: owned by uid 1000")
    os.chown(CACHE, 0, 0)
    os.rename(CACHE, CACHE + ".kept")
    write(CACHE, "not a directory\n")
    asked(UNSAFE, "a file in the store's place", says=rf"{CACHE}: .*directory")
    os.unlink(CACHE)
    os.rename(CACHE + ".kept", CACHE)
    asked("allow ok", "the store mended")


arguments()
names()
configuration()
identity_map()
key()
helper()
part()
store()
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
