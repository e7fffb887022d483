"""The doors of the throw-away machine: sshd, sudo and su, the real ones.

    with Sshd() as sshd:
        sshd.login("ann", "id").status
    sudo("ann", ["id"], options=["-n"])
    su("ann", "carol", ["-c", "id"], password="carol's")
"""

import os
import subprocess
import threading
import time

import jail
import people
from people import Result

SSHD_PORT = 22  # the network is the machine's own
_DIRECTORY = "/etc/ssh/test"


class Sshd:
    """sshd with Debian's PAM file, keys only, one key for everybody. `config`:
    keywords of sshd_config(5) to set otherwise."""

    def __init__(self, program="/usr/sbin/sshd", **config):
        if not jail.inside():
            raise RuntimeError("sshd runs in a jail only")
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        os.makedirs(_DIRECTORY, mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            if not os.path.exists(f"{_DIRECTORY}/{name}"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{_DIRECTORY}/{name}"], check=True)
        with open(f"{_DIRECTORY}/host.pub", encoding="ascii") as public:
            with open(f"{_DIRECTORY}/known_hosts", "w", encoding="ascii") as known:
                known.write("localhost " + public.read())
        settings = {
            "Port": SSHD_PORT,
            "ListenAddress": "127.0.0.1",
            "HostKey": f"{_DIRECTORY}/host",
            "PidFile": "none",
            "UsePAM": "yes",
            "PubkeyAuthentication": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "yes",
            "AuthorizedKeysFile": f"{_DIRECTORY}/user.pub",
            "PrintMotd": "no",
            "PrintLastLog": "no",
            # Many at once is a test of ours, not an attack.
            "MaxStartups": "500",
        } | config
        with open(f"{_DIRECTORY}/config", "w", encoding="ascii") as file:
            file.writelines(f"{key} {value}\n" for key, value in settings.items())
            # Of OpenSSH 9.8: after some refusals the address is refused, unasked.
            if "PerSourcePenalties" not in config and self.knows("persourcepenalties", program):
                file.write("PerSourcePenalties no\n")
        self._log = []
        self._said = threading.Condition()
        self._process = subprocess.Popen([program, "-D", "-e", "-f", f"{_DIRECTORY}/config"],
                                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                         errors="backslashreplace")
        threading.Thread(target=self._read, daemon=True).start()
        if self.wait("Server listening") is None:
            self.stop()
            raise RuntimeError("sshd did not start: " + self.log())

    @staticmethod
    def knows(keyword, program="/usr/sbin/sshd"):
        """Whether it has that keyword of sshd_config(5), in lower case."""
        known = subprocess.run([program, "-T", "-f", "/dev/null", "-h", f"{_DIRECTORY}/host"], capture_output=True, text=True, check=True).stdout
        return f"\n{keyword} " in known

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _read(self):
        for line in self._process.stderr:
            with self._said:
                self._log.append(line)
                self._said.notify_all()

    def wait(self, text, timeout=20):
        """The first line of sshd's own log with that text, or None."""
        deadline = time.monotonic() + timeout
        with self._said:
            while True:
                for line in self._log:
                    if text in line:
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or not self._said.wait(left):
                    return None

    def log(self):
        with self._said:
            return "".join(self._log)

    @staticmethod
    def command(user, *command, options=(), port=SSHD_PORT):
        """The ssh client's command line."""
        return ["ssh", "-F", "none", "-i", f"{_DIRECTORY}/user", "-p", str(port), "-o", "IdentitiesOnly=yes",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=localhost",
                "-o", f"UserKnownHostsFile={_DIRECTORY}/known_hosts", *options, f"{user}@127.0.0.1", *command]

    def login(self, user, *command, options=(), timeout=60):
        """One login with the key, and a command ("true" without one)."""
        try:
            done = subprocess.run(self.command(user, *(command or ("true",)), options=options), capture_output=True,
                                  stdin=subprocess.DEVNULL, text=True, errors="backslashreplace", timeout=timeout, check=False)
        except subprocess.TimeoutExpired as late:
            return Result(None, str(late.stdout or ""), str(late.stderr or ""))
        return Result(done.returncode, done.stdout, done.stderr)

    def stop(self):
        self._process.kill()
        self._process.wait()


def sudoers(text, name="test"):
    """Replaces our file in /etc/sudoers.d; visudo must like it."""
    path = f"/etc/sudoers.d/{name}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o440), "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["visudo", "-cq"], check=True)


def sudo(user, argv, options=("-n",), **more):
    """sudo by that user; more goes to people.run (env, terminal, …)."""
    return people.run(user, ["sudo", *options, *argv], **more)


def su(user, target, argv=(), options=(), password=None, **more):
    """su by that user. The target's password is typed where one is given."""
    command = ["su", *options, target, *argv]
    if password is None:
        return people.run(user, command, **more)
    if more.get("terminal"):
        return people.run(user, command, answers=[("assword: ", password)], **more)
    return people.run(user, command, stdin=f"{password}\n", **more)
