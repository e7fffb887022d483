#!/usr/bin/python3
"""tests/packages: installs what is missing and nothing else, starts no service,
and takes its own policy away again, also when it is interrupted. apt-get is
played by a script: nothing is downloaded."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import write
from tap import done_testing, is_, like, ok

PACKAGES = os.path.join(jail.REPOSITORY, "tests/packages")
POLICY = "/usr/sbin/policy-rc.d"
FAKE = "/var/tmp/fake"
SEEN = "/var/tmp/seen"

jail.heed_signals()

os.mkdir(FAKE)
# Which are missing stands in a file.
write(f"{FAKE}/dpkg-query", '#!/bin/sh\nfor last; do :; done\ngrep -qx "$last" /var/tmp/missing || printf installed\n', 0o755)
write(f"{FAKE}/systemctl", f'#!/bin/sh\necho "systemctl $*" >>{SEEN}\n', 0o755)
APT = f"""#!/bin/sh
echo "$@" >>{SEEN}
case " $* " in
*" install "*)
	{POLICY} ssh start; echo "policy $?" >>{SEEN}
	[ ! -e /var/tmp/waits ] || {{ echo waiting; exec sleep 60; }}
	[ ! -e /var/tmp/fails ] || exit 100 ;;
esac
"""
write(f"{FAKE}/apt-get", APT, 0o755)


def run(missing, **more):
    write("/var/tmp/missing", "".join(f"{package}\n" for package in missing))
    write(SEEN, "")
    return subprocess.Popen([PACKAGES], env=os.environ | {"PATH": f"{FAKE}:{os.environ['PATH']}"}, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def seen():
    with open(SEEN, encoding="ascii") as file:
        return file.read()


if os.path.exists(POLICY):
    os.unlink(POLICY)

names = subprocess.run([PACKAGES, "--list"], capture_output=True, text=True, check=True).stdout.split()
ok(len(names) > 20 and len(set(names)) == len(names), "a list of packages, none twice")
for command, package in (("sshd", "openssh-server"), ("sudo", "sudo"), ("nginx", "nginx"), ("make", "build-essential"),
                         ("valgrind", "valgrind"), ("unshare", "util-linux"), ("ip", "iproute2")):
    ok(package in names, f"{command}'s package is in it")

with run([]) as process:
    text = process.communicate()[0]
is_((process.returncode, text, seen()), (0, "", ""), "nothing is missing: nothing is done, nothing is said")

with run(["nginx", "strace"]) as process:
    text = process.communicate()[0]
is_(process.returncode, 0, "two are missing: installed")
like(seen(), r"(?m)^.* update$", "after an update of the lists")
like(seen(), r"(?m)^.*install --no-install-recommends nginx strace$", "those two, and no other")
like(seen(), r"(?m)^policy 101$", "no service may be started meanwhile")
like(seen(), r"(?m)^systemctl .*disable nginx\.service$", "nor at the next boot")
ok("ssh.service" not in seen(), "a service that was there stays as it was")
ok(not os.path.exists(POLICY), "the policy is gone again")

write("/var/tmp/fails", "")
with run(["strace"]) as process:
    process.communicate()
ok(process.returncode != 0, "apt-get fails: so does it")
ok(not os.path.exists(POLICY), "apt-get fails: the policy is gone again")
os.unlink("/var/tmp/fails")

write("/var/tmp/waits", "")
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    with run(["strace"], start_new_session=True) as process:
        for line in process.stdout:
            if line == "waiting\n":
                break
        ok(os.path.exists(POLICY), f"{number.name}: the policy is there")
        os.killpg(process.pid, number)
        process.communicate()
    ok(process.returncode != 0, f"{number.name}: it ends")
    ok(not os.path.exists(POLICY), f"{number.name}: the policy is gone again")
os.unlink("/var/tmp/waits")

write(POLICY, "#!/bin/sh\nexit 104\n", 0o755)
with run(["strace"]) as process:
    process.communicate()
like(seen(), r"(?m)^policy 104$", "a policy of the administrator's is used")
ok(os.path.exists(POLICY), "and stays")

# The repository may lie where only root can look.
readable = shutil.copy(PACKAGES, "/var/tmp/packages")
os.chmod(readable, 0o755)
done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", readable], capture_output=True, text=True, check=False,
                      env=os.environ | {"PATH": f"{FAKE}:{os.environ['PATH']}"})
is_(done.returncode, 1, "an ordinary user cannot")
like(done.stderr, r"apt-get install strace", "and is told what to have installed")
done_testing()
