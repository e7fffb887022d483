#!/usr/bin/python3
"""Completion, as make install leaves it, typed into the real shells: bash and
zsh on a terminal, fish by its own question for completions. Policies and
services come from gate.conf, commands and options from --help."""

import os
import pty
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

import people
from gate import CLI, CONF, install, write
from tap import done_testing, is_, ok, skip

OTHER = "/etc/openai-gate/other.conf"
TEXT = """[identity]
email = %u@example.com
[policy web-door]
role = owner
[policy admin]
pam_services = sudo su-l
role = owner
"""

install()
people.add("ann-with-a-long-name")
write(CONF, TEXT)
write(OTHER, TEXT.replace("admin", "elsewhere"))

# What is typed before TAB, and the words that it becomes.
TYPED = {
    "che": "check",
    "--verb": "--verbose",
    "check --po": "check --policy",
    "check --policy w": "check --policy web-door",
    "check --policy adm": "check --policy admin",
    "--conf /etc/openai-gate/other.conf check --policy e": "--conf /etc/openai-gate/other.conf check --policy elsewhere",
    "--conf /etc/openai-gate/oth": "--conf /etc/openai-gate/other.conf",
    "check --service su-": "check --service su-l",
    "check --json ann-w": "check --json ann-with-a-long-name",
    "check ann-w": "check ann-with-a-long-name",
    "config --pr": "config --print",
    "sync --qu": "sync --quiet",
    "sync --key-file /etc/openai-gate/oth": "sync --key-file /etc/openai-gate/other.conf",
    "cache fl": "cache flush",
    "cache show ann-w": "cache show ann-with-a-long-name",
    "cache flush ann-w": "cache flush ann-with-a-long-name",
    "setup --ex": "setup --exempt",
    "setup --ca-file /etc/openai-gate/oth": "setup --ca-file /etc/openai-gate/other.conf",
    # Nothing to complete: what is typed stays.
    "cache list ann-w": "cache list ann-w",
    "check --policy nobody-wrote": "check --policy nobody-wrote",
    "doctor --qu": "doctor --qu",
    "nonsense --qu": "nonsense --qu",
}

SHELLS = {
    # Debian's own loader finds the file by the command's name.
    "bash": (["bash", "--rcfile", "/var/tmp/bashrc", "-i"], "PS1='READY$ '; . /usr/share/bash-completion/bash_completion\n"),
    "zsh": (["zsh", "-i"], "PS1='READY$ '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d /var/tmp/zcompdump\n"),
}


def there(shell):
    return subprocess.run(["sh", "-c", f"command -v {shell}"], stdout=subprocess.DEVNULL, check=False).returncode == 0


def expect(terminal, text, deadline):
    """Reads until that text has come."""
    said = b""
    while text not in said:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"no {text!r} in {said!r}")
        said += os.read(terminal, 65536)


def complete(command, line):
    """The words of the line after TAB: the shell itself writes them down."""
    found = "/var/tmp/found"
    write(found, "")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {"PATH": people.PATH, "TERM": "dumb", "HOME": "/root", "ZDOTDIR": "/var/tmp"})
    deadline = time.monotonic() + 60
    try:
        expect(terminal, b"READY$ ", deadline)
        os.write(terminal, f"openai-gate {line}\t".encode())
        # To the beginning of the line, to its end, and away.
        os.write(terminal, b"\x01printf '%s\\n' \x05 >/var/tmp/found; echo WRIT''TEN\r")
        expect(terminal, b"WRITTEN", deadline)
        with open(found, encoding="utf-8") as file:
            return " ".join(file.read().split()[1:])
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)


for shell, (command, rc) in SHELLS.items():
    if not there(shell):
        skip(f"{shell} completes", f"no {shell} here (make packages)")
        continue
    write(f"/var/tmp/{'bashrc' if shell == 'bash' else '.zshrc'}", rc)
    for line, words in TYPED.items():
        is_(complete(command, line), words, f"{shell}: {line}")

if there("fish"):
    for line, words in TYPED.items():
        done = subprocess.run(["fish", "-c", 'complete -C "openai-gate $argv[1]"', "--", line], capture_output=True, text=True, check=False,
                              env={"PATH": people.PATH, "HOME": "/root"})
        offered = [one.split("\t")[0] for one in done.stdout.splitlines()]
        last = words.split()[-1]
        is_((done.stderr, offered), ("", [last] if words != line else []), f"fish: {line}")
else:
    skip("fish completes", "no fish here (make packages)")

# All there is: each word of --help that is not the name of a value.
usage = subprocess.run([CLI, "--help"], capture_output=True, text=True, check=True).stdout
SCRIPT = """. /usr/share/bash-completion/completions/openai-gate
COMP_WORDS=(openai-gate "$@" ""); COMP_CWORD=$(($# + 1))
_openai_gate openai-gate "$2" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\\n' "${COMPREPLY[@]}" """


def offers(*words):
    """What bash offers after those words, users left out."""
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


commands = re.findall(r"(?m)\[--verbose\] (\S+)(.*)$", usage)
ok(len(commands) >= 5, "there are commands")
is_(offers(), {"--conf", "--verbose", "--help", *(name for name, _ in commands)}, "bash offers each command")
for name, rest in commands:
    if "] USER" in rest:
        continue
    wanted = set(re.findall(r"--[a-z][a-z-]*", rest)) | set(re.findall(r"(?<![\w-])[a-z][a-z-]*", re.sub(r"\[[^]]*\]", "", rest)))
    is_(offers(name), wanted, f"bash offers what there is after {name}")

write(CONF, "[nonsense]\n")
is_(offers("check", "--policy"), set(), "a broken gate.conf: no policy is offered, and nothing is said")
done_testing()
