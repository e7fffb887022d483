"""Asks a PAM stack through the real libpam, in a host as odd as a test wants.

    pam = Pam()
    pam.door("sshd")                                # the module alone
    answer = pam.ask("sshd", "ann")
    is_(answer.code, "PAM_SUCCESS", "…")

tests/lib/pamdrive.c lists the options of the host.
"""

import dataclasses
import os
import subprocess

import jail
from gate import BUILD

DRIVER = os.path.join(BUILD, "pamdrive")
DIRECTORY = "/run/pam.d"

# What a stack with door() says where the module says PAM_IGNORE.
IGNORED = "PAM_TRY_AGAIN"

_TRY_AGAIN = " ".join(f"{call}=try_again" for call in ("acct", "auth", "cred", "open_session", "close_session"))
_STACKS = ("account", "auth", "session")

_TIMEOUT = 60


@dataclasses.dataclass(frozen=True)
class Answer:
    codes: tuple  # one for each call
    said: tuple  # "error TEXT", …
    left: tuple  # what the module left in the host
    ms: int  # all calls together
    trouble: str  # of the driver itself: "" when it did what it should
    unfailed: bool  # no allocation was left to fail

    @property
    def code(self):
        """Of the only call; else what went wrong."""
        return self.codes[0] if len(self.codes) == 1 else f"{self.codes} {self.trouble}"


class Pam:
    def __init__(self):
        if not jail.inside():
            raise RuntimeError("asked in a jail only")
        os.makedirs(DIRECTORY, exist_ok=True)
        self.write("other", *(f"{stack} required pam_deny.so" for stack in (*_STACKS, "password")))

    @staticmethod
    def write(service, *lines):
        """A service's stack, in a directory of our own."""
        with open(os.path.join(DIRECTORY, service), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def door(self, service, arguments=""):
        """A stack of the module alone, which shows its very code: libpam makes
        something else of PAM_IGNORE, so pam_debug gives IGNORED for it."""
        lines = []
        for stack in _STACKS:
            lines += [f"{stack} [success=1 ignore=ignore default=die] pam_openai.so {arguments}",
                      f"{stack} [default=die] pam_debug.so {_TRY_AGAIN}",
                      f"{stack} required pam_permit.so"]
        self.write(service, *lines)

    def sanitized(self):
        """The driver has the sanitizers' allocations: none of them can be made
        to fail, and no limit of memory can be set."""
        return "sanitized" in self.ask("other", "nobody", options=("--fail-alloc", "0")).trouble

    def ask(self, service, user, *calls, options=(), env=None, **how):
        """One run of the driver. user: text, bytes, or None for no user; how:
        for subprocess.run."""
        command = [DRIVER, "--confdir", DIRECTORY, *options]
        if user is not None:
            command += ["--user", user]
        done = subprocess.run([*command, service, *(calls or ("acct_mgmt",))], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=_TIMEOUT, check=False,
                              env=None if env is None else os.environ | env, **how)
        trouble = done.stderr.decode(errors="backslashreplace")
        if done.returncode != 0:
            trouble += f"exit status {done.returncode}"
        return _read(done.stdout.decode(errors="backslashreplace"), trouble)


def _read(text, trouble):
    codes, said, left, ms, unfailed = [], [], [], 0, False
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "call":
            _, code, took = rest.split()
            codes.append(code)
            ms += int(took)
        elif word == "say" and not rest.endswith("=try_again"):  # pam_debug's words
            said.append(rest)
        elif word == "left":
            left.append(rest)
        elif word == "unfailed":
            unfailed = True
    return Answer(tuple(codes), tuple(said), tuple(left), ms, trouble, unfailed)
