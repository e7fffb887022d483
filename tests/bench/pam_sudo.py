"""Real sudo, `sudo -n`, on Debian's own stack with one account line more."""

import os
import pwd
import shutil

import bench
import doors
import people

USER = "person7"

# How the user's own processes are started.
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--")


def commands(lines):
    """For each pam.d line a command of sudo's, which uses a PAM service of its
    own for it: the stock file, with that line behind its account part."""
    made = []
    rules = f"{USER} ALL=(ALL) NOPASSWD: ALL\n"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        people.add(USER)
    for number, line in enumerate(lines):
        service = f"sudo-bench-{number}"
        target = f"{bench.PLACE}/true-{number}"
        shutil.copy("/etc/pam.d/sudo", f"/etc/pam.d/{service}")
        shutil.copy("/usr/bin/true", target)
        bench.gate.guard(service, [f"account required {line}"])
        rules += f"Defaults!{target} pam_service={service}\n"
        made.append(["/usr/bin/sudo", "-n", target])
    doors.sudoers(rules)
    return made


def table():
    path = bench.conf("sudo")
    bench.run(bench.program("fill"), path, "10000")
    names = ("pam_permit", "empty module", "pam_openai, 10,000 people")
    goals = ("", "", "+0.8 ms")
    made = commands(["pam_permit.so", bench.program("empty.so"), f"{bench.MODULE} conf={path} policy=bench"])
    bench.title("PAM: real `sudo -n true`, warm")
    bench.compare(list(zip(names, made, goals)), wrap=AS_USER)
    os.unlink("/etc/sudoers.d/test")
