"""make demo REAL=1: what the installed /etc/openai-gate decides about users of
this machine, by the real API.

Each policy's services are asked through libpam, with the module as built here
and this machine's own pam.d files; where one lacks the gate's line, as shipped,
it is added. All that in a copy of the machine: nothing is changed, nobody logs
in, and the store is a copy, too.

DEMO_USERS="ann bob" names the users; without it, all of the identity maps.
"""

import configparser
import json
import os
import pwd
import re
import subprocess
import textwrap

import table
from gate import CLI, CONF, decisions, guard, install
from journal import Journal
from pamdrive import DRIVER
from table import Table, say

TABLE = Table(14, 10, 10, 6, 28)


class Setback(Exception):
    """Why there is nothing to show."""


def command(*words):
    done = subprocess.run([CLI, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr.strip()


def read_settings():
    """gate.conf as the product itself understands it."""
    status, _, trouble = command("config", "--test")
    if status != 0:
        raise Setback(trouble)
    text = command("config", "--print")[1]
    settings = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", allow_no_value=True)
    settings.read_string(text)
    return settings


def mapped_users(settings):
    """The local names of all identity maps."""
    names = []
    for section in settings.sections():
        path = settings[section].get("map_file")
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                lines = [line.split() for line in file]
            names += [words[0] for words in lines if len(words) >= 2 and not words[0].startswith("#")]
    return sorted(set(names))


def through_pam(journal, service, user):
    """The account stack's answer, and what the module logged."""
    mark = journal.mark()
    done = subprocess.run([DRIVER, "--user", user, service, "acct_mgmt"], capture_output=True, text=True, check=False)
    passed = re.search(r"^call acct_mgmt PAM_SUCCESS ", done.stdout, re.MULTILINE) is not None
    logged = decisions(journal, mark)
    if not logged:
        return passed, "not asked: the lines above ours refuse", "", ""
    identity = re.search(r" identity=(\S+)", logged[-1].text)[1]
    helper = [line.text for line in journal.lines("openai-gate-fetch", mark)]
    return passed, logged[-1].words, identity, "\n".join([logged[-1].text, *helper])


def by_command(policy, user):
    """For a policy without PAM services: the web's."""
    status, text, trouble = command("check", "--json", "--policy", policy, user)
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise Setback(f"openai-gate check: {trouble or error}") from error
    return status == 0, f"{answer['verdict']} {answer['reason']}", str(answer["identity"] or "-"), trouble


def show(journal, settings, users):
    """One line for each user, policy and service; how many cannot be decided."""
    undecided = 0
    TABLE.line("USER", "POLICY", "SERVICE", "PASSES", "IDENTITY", "VERDICT, REASON")
    for user in users:
        for section in settings.sections():
            if not section.startswith("policy "):
                continue
            policy = section.removeprefix("policy ")
            for service in settings[section].get("pam_services", "").split() or [None]:
                if service is None:
                    passed, words, identity, text = by_command(policy, user)
                else:
                    passed, words, identity, text = through_pam(journal, service, user)
                verdict = words.split()[0]
                TABLE.line(user, policy, service or "-", "yes" if passed else "no", identity, words, colour=verdict)
                if verdict in ("unavailable", "misconfigured"):
                    undecided += 1
                    table.alarm(textwrap.indent(text, "    "))
    return undecided


def prepare(settings):
    """The gate's line for every service of a policy that has none; says what
    was done."""
    for section in settings.sections():
        for service in (settings[section].get("pam_services") or "").split():
            path = f"/etc/pam.d/{service}"
            if not os.path.exists(path):
                say(f"  note: there is no {path}")
            elif "pam_openai.so" not in read(path) and service != "su-l":  # which includes su
                guard(service, ["account required pam_openai.so"])
                say(f"  note: {path} has no line of the gate; added in the copy")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def play():
    """Whether every question was decided."""
    try:
        if not os.path.exists(CONF):
            raise Setback(f"{CONF}: there is none. Install and configure first: README.md, \"SSH in ten lines\".")
        install()
        settings = read_settings()
        users = os.environ.get("DEMO_USERS", "").split() or mapped_users(settings)
        if not users:
            raise Setback('there is no identity map: say whom to ask about, DEMO_USERS="ann bob" make demo REAL=1')
        say(f"\nopenai-gate: what {CONF} decides\n\n  directory   {settings['api']['base_url']}")
        prepare(settings)
        known = {entry.pw_name for entry in pwd.getpwall()}
        for stranger in sorted(set(users) - known):
            say(f"  note: this machine has no user {stranger}")
        say()
        undecided = show(Journal(), settings, [user for user in users if user in known])
    except Setback as setback:
        table.alarm(str(setback))
        return False
    say("\nNothing was changed on this machine; the directory was only read.")
    return undecided == 0
