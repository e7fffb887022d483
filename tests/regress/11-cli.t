#!/usr/bin/python3
"""openai-gate(8): check, config, cache and doctor."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CACHE, CONF, DIRECTORY, HELPER, Gate, guard, install, write
from sim import Simulator
from tap import done_testing, is_, like, ok, unlike

POLICIES = {
    "ssh": {"pam_services": "sshd", "role": "owner reader"},
    "admin": {"pam_services": "sudo su", "role": "owner", "project": "proj_web", "group": "group_01J8ONCALL7Q2M"},
}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com", "ivan": "ivan.invited@example.com",
         "bob": "bob.banned@example.com", "twin": "user-Ann4kR8vWq2LcYd6NfJ3tHsUg"}


def gives(gate, arguments, status, out, name, err=""):
    done = gate.cli(*arguments)
    is_(done.returncode, status, f"{name}: exit status")
    like(done.stdout, out, f"{name}: what it says")
    like(done.stderr, err, f"{name}: diagnostics")
    return done


def check_command(sim, gate):
    gives(gate, ["check", "--service", "sshd", "ann"], 0, r"(?s)^ann: allow \(ok\)\n.*role +reader.*from the API", "a member")
    gives(gate, ["check", "--policy", "ssh", "ann"], 0, r"cache +hit", "again, from the store")
    gives(gate, ["check", "--service", "sudo", "ann"], 1, r"^ann: deny \(role\)", "a reader at sudo")
    gives(gate, ["check", "--policy", "ssh", "twin"], 0, r"(?s)identity +user-Ann4kR8vWq2LcYd6NfJ3tHsUg.*allow|allow", "mapped to a user id")
    gives(gate, ["check", "--policy", "ssh", "ivan"], 1, r"deny \(invite-pending\)", "an invited one")
    gives(gate, ["check", "--policy", "ssh", "bob"], 1, r"deny \(account-disabled\)", "a banned one")
    gives(gate, ["check", "--policy", "ssh", "nobody"], 1, r"deny \(no-identity\)", "nobody's name")
    gives(gate, ["check", "--policy", "ssh", "a/b"], 1, r"deny \(bad-name\)", "a name with a slash")
    gives(gate, ["check", "--policy", "ssh", ""], 1, r"deny \(bad-name\)", "no name")
    gives(gate, ["check", "--policy", "ssh", "--", "-x"], 1, r"deny \(bad-name\)", "a name like an option")
    gives(gate, ["check", "--service", "sshd", "root"], 0, r"exempt \(exempt-user\)", "root")
    gives(gate, ["check", "--service", "cron", "ann"], 0, r"exempt \(service-ignored\)", "an ignored service")
    gives(gate, ["check", "--service", "login", "ann"], 3, r"misconfigured \(no-policy\)", "a service without policy",
          r"no policy has pam_services = login")
    gives(gate, ["check", "--policy", "none", "ann"], 3, r"no-policy", "no such policy", r"no \[policy none\]")
    gives(gate, ["check", "ann"], 3, r"no-policy", "two policies and no choice", r"--policy or --service")
    gives(gate, ["check"], 64, r"^$", "nobody named", "name one user")
    gives(gate, ["check", "--policy", "ssh", "--service", "sshd", "ann"], 64, r"^$", "both", "not both")
    gives(gate, ["check", "--frobnicate", "ann"], 64, r"^$", "an unknown option", "--frobnicate")
    gives(gate, ["check", "--help"], 0, r"^usage: openai-gate .* check \[--policy NAME .*--all-local\n$", "how to call check")
    gives(gate, ["setup", "--help"], 0, r"^usage: .* setup .*\[--enforce yes \| no\].*\n$", "how to call setup")


def json_object(sim, gate):
    gate.forget()
    done = gate.cli("check", "--json", "--policy", "admin", "olivia")
    is_(done.stdout.count("\n"), 1, "--json: one line")
    answer = json.loads(done.stdout)
    is_(sorted(answer), ["cache", "enforced", "facts", "identity", "policy", "reason", "role", "user", "user_id", "verdict"], "... with these keys")
    is_([answer[key] for key in ("user", "policy", "enforced", "verdict", "reason", "identity", "role", "cache")],
        ["olivia", "admin", True, "deny", "project", "olivia.owner@example.com", "owner", "miss"], "... and these values")
    is_(sorted(answer["facts"][0]), ["age", "fetched_at", "found", "query", "source"], "a fact's keys")
    facts = {fact["query"].split("?")[0]: (fact["found"], fact["source"]) for fact in answer["facts"]}
    is_(facts, {"users": (True, "api"), "projects/proj_web/users": (False, "api"),
                "groups/group_01J8ONCALL7Q2M/users": (True, "api")}, "... one for each question")
    sim.fault(503)
    gate.forget()
    answer = json.loads(gate.cli("check", "--json", "--policy", "ssh", "ann").stdout)
    is_([answer["verdict"], answer["reason"], answer["cache"]], ["unavailable", "server-error", "miss"], "an API that fails")
    is_(answer["facts"][0]["found"], None, "... is an answer not known, neither found nor absent")
    sim.clear_faults()
    answer = json.loads(gate.cli("check", "--json", "--policy", "ssh", "no\nbody\x1b[31m").stdout)
    is_(answer["user"], "no\\x0abody\\x1b[31m", "control characters in a name are shown, not obeyed")


def environment(sim, gate):
    """No environment variable changes a decision."""
    gate.forget()
    poison = {"SSLKEYLOGFILE": "/tmp/keys", "https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1",
              "SSL_CERT_FILE": "/dev/null", "OPENSSL_CONF": "/nonexistent", "HOME": "/tmp"}
    done = subprocess.run(["/usr/sbin/openai-gate", "check", "--policy", "ssh", "ann"], env={**os.environ, **poison},
                          capture_output=True, text=True, check=False)
    is_(done.returncode, 0, "a poisoned environment changes nothing")
    ok(not os.path.exists("/tmp/keys"), "... and no TLS key is written anywhere")


def config_command(gate):
    gives(gate, ["config"], 0, r"good, 2 policies", "config")
    gives(gate, ["config", "--test"], 0, r"good", "config --test")
    printed = gives(gate, ["config", "--print"], 0, r"(?s)\[policy ssh\].*ttl|ttl", "config --print").stdout
    write("/etc/openai-gate/again.conf", printed)
    is_(gate.cli("--conf", "/etc/openai-gate/again.conf", "config", "--print").stdout, printed, "what it prints can be read again")
    gives(gate, ["config", "--frob"], 64, "^$", "config --frob", "--test or --print")

    text = gate.text()
    for spoilt, line, what in (
            (text.replace("role = owner\n", "roel = owner\n", 1), "roel", "an unknown key"),
            (text + "\n[policy empty]\npam_services = x\n", "requires nothing", "a policy that requires nothing"),
            (text.replace("[api]", "[apy]"), "apy", "an unknown section"),
            (text.replace("base_url = https", "base_url = http", 1).replace("127.0.0.1", "10.1.2.3"), "base_url", "plain http")):
        write(CONF, spoilt)
        gives(gate, ["config"], 3, "^$", what, rf"{CONF}:\d+: .*{line}")
        gives(gate, ["check", "--policy", "ssh", "ann"], 3, r"misconfigured \(config\)", f"check with {what}", rf"{CONF}:\d+: ")
    gate.configure()
    os.chmod(f"{DIRECTORY}/admin.key", 0o644)
    gives(gate, ["config"], 3, "^$", "a key that others may read", r"admin\.key.*0644.*chmod")
    write(f"{DIRECTORY}/admin.key", "sk-proj-notanadminkey\n", 0o600)
    said = gives(gate, ["config"], 3, "^$", "a project key", r"admin\.key.*admin key")
    unlike(said.stderr, "notanadminkey", "... and no part of it is shown")
    write(f"{DIRECTORY}/admin.key", gate.simulator.admin_key + "\n", 0o600)
    write(f"{DIRECTORY}/users.map", "ann ann@example.com\nann other@example.com\n")
    gives(gate, ["config"], 3, "^$", "two map lines for one name", r"users\.map:2: ")
    os.unlink(f"{DIRECTORY}/users.map")
    gives(gate, ["config"], 3, "^$", "no map", r"users\.map")
    gate.configure()


def cache_command(sim, gate):
    gate.forget()
    gate.cli("check", "--policy", "admin", "olivia")
    gives(gate, ["cache", "list"], 0, r"(?m)^users +\d+ s +fresh +all 8 rows$", "cache list")
    gives(gate, ["cache", "show", "olivia"], 0, r"(?s)users\?email=olivia.*role owner.*", "cache show")
    gives(gate, ["cache", "show", "ann@example.com"], 0, r"role reader", "cache show, by address")
    gives(gate, ["cache", "flush", "olivia"], 0, r"forgot 3 answers", "cache flush, one person")
    sim.set_role("ann@example.com", "owner")
    gate.cli("check", "--policy", "ssh", "ann")
    sim.remove_user("ann@example.com")
    gives(gate, ["check", "--policy", "ssh", "ann"], 0, "hit", "a member who has left, while his fact is fresh")
    gives(gate, ["cache", "flush"], 0, r"forgot 1 answer", "cache flush")
    gives(gate, ["check", "--policy", "ssh", "ann"], 1, "not-a-member", "... and after the flush")
    name = os.listdir(f"{CACHE}/lists")[0]
    write(f"{CACHE}/lists/{name}", "not a list", 0o600)
    gives(gate, ["cache", "list"], 0, "cannot be used", "a damaged file is shown as such")
    for name in ("lists", "singles", "sync"):
        os.makedirs(f"{CACHE}/{name}", mode=0o700, exist_ok=True)
        os.chmod(f"{CACHE}/{name}", 0o777)
        says = rf"^openai-gate: warning: {CACHE}/{name}: mode 0777 lets others write; not used until chmod go-w\nopenai-gate: {CACHE}: unsafe file: [^()]*\n$"
        gives(gate, ["cache", "flush"], 3, r"^forgot \d answers?\n$", f"cache flush, {name} unsafe", says)
        for command in (["cache", "list"], ["cache", "show", "ann"], ["status"]):
            if name != "sync":
                gives(gate, command, 3, "", f"{' '.join(command)}, {name} unsafe", says)
        os.chmod(f"{CACHE}/{name}", 0o700)
    os.rename(f"{CACHE}/singles", f"{CACHE}/other")
    write(f"{CACHE}/singles", "")
    gives(gate, ["cache", "flush"], 3, r"^forgot 0", "cache flush, a file where singles should be", "singles: not a directory; not used until it is removed")
    os.unlink(f"{CACHE}/singles")
    os.rename(f"{CACHE}/other", f"{CACHE}/singles")
    gives(gate, ["cache", "flush"], 0, "^forgot 0", "... and when that is mended")
    gives(gate, ["cache", "frob"], 64, "^$", "cache frob", "list, show USER, or flush")


def shown(sim, gate):
    """What people choose (addresses, roles, names) is shown, and obeyed by no terminal: ECMA-48's CSI in one character, and a
    mark that turns the line."""
    odd, clean = "\x9b2J\u202e", r"\\xc2\\x9b2J\\xe2\\x80\\xae"
    before, organization = sim.organization(), sim.organization()
    organization["users"] = [user | {"role": f"owner{odd}"} if user.get("email") == USERS["olivia"] else user
                             for user in organization["users"]] + [{"id": "user-odd", "email": f"zed{odd}@example.com", "role": f"reader{odd}"}]
    organization["projects"] = [project | {"name": f"Shop{odd}"} for project in organization["projects"]]
    gate.forget()
    gate.cli("sync")
    sim.organization(organization)
    synced = gives(gate, ["sync"], 0, rf"(?m)^  role     {USERS['olivia']}: owner{clean}, was owner$", "a sync, of an odd role")
    like(synced.stdout, rf"(?m)^  joined   zed{clean}@example\.com \(reader{clean}\)$", "... of an odd address")
    like(gate.cli("cache", "show", "user-odd").stdout, rf"e-mail zed{clean}@example\.com, role reader{clean}\n", "cache show")
    like(gate.cli("check", "--policy", "ssh", "olivia").stdout, rf"(?m)^  role      owner{clean}$", "check")
    like(gate.cli("doctor").stdout, rf"(?m)ok +project proj_web +Shop{clean}$", "doctor, of a project's odd name")
    sim.organization(before)
    like(gate.cli("sync").stdout, rf"(?m)^  left     zed{clean}@example\.com$", "a sync, of who has left")
    gate.configure(users=USERS | {"bidi": f"b{odd[-1]}@example.com"})
    like(gate.cli("check", "--policy", "ssh", "bidi").stdout, r"(?m)^  identity  b\\xe2\\x80\\xae@example\.com$", "check, of an odd identity")
    gate.cli("cache", "flush")
    like(gate.cli("cache", "show", "bidi").stdout, r"^the store says nothing of b\\xe2\\x80\\xae@", "cache show, of nobody")
    gate.configure(users=USERS)


def doctor_of_sshd(gate):
    """It judges sshd_config(5) as sshd does."""
    main, more, warning = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", "warn +service sshd +UsePAM is not yes"
    os.makedirs(more, exist_ok=True)
    os.makedirs("/run/sshd", exist_ok=True)
    for name in os.listdir(more):
        os.unlink(f"{more}/{name}")
    for name, text in ("10-no.conf", "UsePAM no\n"), ("20-yes.conf", "UsePAM yes\n"), ("30-in.conf", "Include /etc/ssh/sshd_config.d/2*\n"):
        write(f"{more}/{name}", text)
    for text, asks in (("UsePAM yes\n", True), ("#UsePAM yes\n", False), ("", False), ("UsePAM no\nUsePAM yes\n", False), ("Port 22\n\tusepam=yes\n", True),
                       ('UsePAM "yes" # as Debian\nUsePAM no', True), (f"Include {more}/*.conf\nUsePAM yes\n", False), ("Include sshd_config.d/2*\nUsePAM no\n", True),
                       (f"Include {more}/none* {more}/30*\n", True), ("UsePAM yes\nInclude sshd_config.d/*\n", True)):
        write(main, text)
        told = subprocess.run(["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=False).stdout
        (unlike if asks else like)(gate.cli("doctor").stdout, warning, f"... of sshd_config {text!r}")
        like(told, rf"(?m)^usepam {'yes' if asks else 'no'}$", "... as sshd itself does")
    write("/etc/ssh/linked", "UsePAM yes\n")
    os.symlink("/etc/ssh/linked", f"{more}/40-linked.conf")
    for text, asks in ("", True), ("UsePAM no\n", False):
        write(main, f"{text}Include {more}/4*\n")
        told = subprocess.run(["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=False).stdout
        (unlike if asks else like)(gate.cli("doctor").stdout, warning, f"... of a link that is included below {text!r}, which doctor does not read")
        like(told, rf"(?m)^usepam {'yes' if asks else 'no'}$", "... as sshd itself does")
    write(main, f"Include {main}\nUsePAM yes\n")
    is_(gate.cli("doctor").returncode, 0, "... of one that includes itself, by which no sshd starts: it comes to an end")
    os.unlink(main)
    unlike(gate.cli("doctor").stdout, warning, "... of none: nothing to say")


def doctor_of_exempt(gate):
    gate.configure(pam={"exempt_users": "root emergncy", "exempt_groups": "wheeel root"})
    said = gate.cli("doctor").stdout
    like(said, r"(?s)warn +exempt user emergncy +there is none here.*warn +exempt group wheeel +there is none here", "doctor: a way back in that is none")
    unlike(said, r"exempt (user|group) root", "... but not of one that is")
    gate.configure(pam={"exempt_users": [], "exempt_groups": []})


def doctor_command(sim, gate):
    gives(gate, ["doctor"], 0, r"(?s)ok +clock.*ok +users .*ok +project proj_web +Web shop.*All is well", "doctor")
    like(gate.cli("doctor").stdout, r"warn +service sshd", "... warns of a service without our line")
    guard("sshd")
    like(gate.cli("doctor").stdout, r"ok +service sshd", "... which is not there any more")
    for above, word in (("@include common-account", "low"), ("account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so", "low"),
                        ("account sufficient pam_localuser.so", "low"), ("account required pam_nologin.so", "ok"),
                        ("auth sufficient pam_rootok.so", "ok"), ("# @include common-account", "ok")):
        write("/etc/pam.d/sshd", f"{above}\naccount required pam_openai.so\n")
        like(gate.cli("doctor").stdout, {"low": r"warn +service sshd +.*too low", "ok": r"ok +service sshd"}[word], f"... below {above}")
    write("/etc/pam.d/sshd", "# account required pam_openai.so\n")
    like(gate.cli("doctor").stdout, r"warn +service sshd +.*no pam_openai\.so", "... in a comment only")
    for line, word in (
            ("account [success=ok ignore=ignore default=die] pam_openai.so", "ok"), ("account [success=done default=bad] pam_openai.so quiet", "ok"),
            ("account \\\n  required /lib/security/pam_openai.so policy=admin debug # why", "ok"), ("ACCOUNT  Requisite\tpam_openai.so", "ok"),
            ("auth required pam_openai.so\naccount required pam_openai.so", "ok"), (f"account required pam_openai.so conf={CONF}", "ok"),
            ("account required pam_permit.so # pam_openai.so", "no pam_openai"), ("account required not_pam_openai.so", "no pam_openai"),
            ("auth required pam_openai.so\nsession required pam_openai.so", "not stand in account"),
            ("account sufficient pam_openai.so", "lets everybody in"), ("account optional pam_openai.so", "lets everybody in"),
            ("account [success=ok default=ignore] pam_openai.so", "lets everybody in"), ("account [default=1] pam_openai.so", "lets everybody in"),
            ("account [default=die authinfo_unavail=ignore] pam_openai.so", "lets everybody in"),
            ("account [success = ok default\t= ignore] pam_openai.so", "lets everybody in"),
            ("account [success = ok default = die] pam_openai.so", "ok"),
            ("account [success = done default = ignore] pam_unix.so\naccount required pam_openai.so", "too low"),
            ("-account required pam_openai.so", "begins with -"), ("account required pam_openai.so policy=none", "policy= with a name"),
            ("account required pam_openai.so polcy=ssh", "does not know"), ("account required pam_openai.so conf=/etc/other.conf", "another file"),
            ("account [success=done default=ignore] pam_unix.so\naccount required pam_openai.so", "too low")):
        write("/etc/pam.d/sshd", f"{line}\n@include common-account\n")
        like(gate.cli("doctor").stdout, r"ok +service sshd" if word == "ok" else rf"warn +service sshd +.*{word}", f"... of {line}")
    other = f"{DIRECTORY}/other.conf"
    write(other, gate.text())
    for line, word in ("account required pam_openai.so", f"another file.*or {CONF}\n"), (f"account required pam_openai.so conf={other}", "ok"):
        write("/etc/pam.d/sshd", f"{line}\n@include common-account\n")
        like(gate.cli("--conf", other, "doctor").stdout, r"ok +service sshd" if word == "ok" else rf"warn +service sshd +.*{word}", f"... by --conf, of {line}")
    gate.configure(policies=POLICIES | {"become": {"pam_services": "su-l own", "role": "owner"}})
    write("/etc/pam.d/own", "@include own-account\n@include common-account\n")
    write("/etc/pam.d/own-account", "account required pam_unix.so\n@include own\n")
    like(gate.cli("doctor").stdout, r"(?s)warn +service su-l +.*no pam_openai.*warn +service own +.*no pam_openai", "... of files that include others, also each other")
    guard("su")
    write("/etc/pam.d/own-account", "account required pam_openai.so\n")
    like(gate.cli("doctor").stdout, r"(?s)ok +service su-l +/etc/pam.d/su-l.*ok +service own +", "... where these have our line, as Debian's su-l has that of su")
    write("/etc/pam.d/own-account", "account sufficient pam_openai.so\n")
    like(gate.cli("doctor").stdout, r"(?s)warn +service own +.*lets everybody in", "... and where it is wrong there")
    ours, ends = "account required pam_openai.so\n", "account sufficient pam_localuser.so\n"
    for own, included, word in (("@include common-account\n@include own-account\n", ours, "low"), (f"{ends}account include own-account\n", ours, "low"),
                                (f"@include own-account\n{ours}", ends, "low"), (f"account include own-account\n{ours}", ends, "low"),
                                (f"account substack own-account\n{ours}", ends, "ok"), ("account substack own-account\n", ends + ours, "low"),
                                (f"session include own-account\n{ours}", ends, "ok"), ("session required pam_openai.so\n@include own-account\n", ours, "ok")):
        write("/etc/pam.d/own", own)
        write("/etc/pam.d/own-account", included)
        like(gate.cli("doctor").stdout, r"ok +service own +" if word == "ok" else r"warn +service own +.*too low", f"... of {own!r} with {included!r} in it")
    with open("/etc/pam.d/common-account", encoding="ascii") as file:
        common = file.read()
    write("/etc/pam.d/common-account", ours + common)
    for above, word in ("", "ok"), ("account required pam_nologin.so\n", "ok"), (ends, "low"):
        write("/etc/pam.d/own", f"{above}@include common-account\n")
        like(gate.cli("doctor").stdout, r"ok +service own +/etc/pam.d/common-account\n" if word == "ok" else r"warn +service own +.*too low",
             f"... of {above!r} above a common-account that asks us")
    write("/etc/pam.d/own", "@include common-account\n")
    for line, word in (("account sufficient pam_openai.so", "lets everybody in"), ("-account required pam_openai.so", "begins with -"),
                       ("account required pam_openai.so policy=none", "policy= with a name"),
                       (f"{ends}account required pam_openai.so", "too low"),
                       ("account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount required pam_openai.so", "too low"),
                       ("account [success=ignore default=1] pam_succeed_if.so service = other\naccount required pam_openai.so", "not protected")):
        write("/etc/pam.d/common-account", f"{line}\n{common}")
        like(gate.cli("doctor").stdout, rf"warn +service own +.*{word}", f"... of {line!r} in it")
    write("/etc/pam.d/own", "@include /etc/pam.d/common-account\n")
    like(gate.cli("doctor").stdout, r"warn +service own +.*not protected", "... so, too, where it is included by its whole path")
    write("/etc/pam.d/common-account", ours + common)
    write("/etc/pam.d/own", "session required pam_openai.so\n@include common-account\n")
    like(gate.cli("doctor").stdout, r"ok +service own +/etc/pam.d/common-account\n", "... of one that has our line in session, too")
    write("/etc/pam.d/common-account", common)
    like(gate.cli("doctor").stdout, r"warn +service own +.*not stand in account", "... and of one that has it there alone")
    gate.configure(policies=POLICIES)
    for name in ("lists", "singles", "locks", "wants", "sync"):
        os.makedirs(f"{CACHE}/{name}", mode=0o700, exist_ok=True)
        os.chmod(f"{CACHE}/{name}", 0o777)
        gives(gate, ["doctor"], 3, r"(?s)FAIL +store +what is in it cannot be trusted\n.*Something needs mending", f"a store whose {name} others may write",
              rf"^openai-gate: warning: {CACHE}/{name}: mode 0777 lets others write; not used until chmod go-w\n$")
        os.chmod(f"{CACHE}/{name}", 0o700)
    os.chmod(HELPER, 0o644)
    gives(gate, ["doctor"], 3, rf"(?s)FAIL +helper +cannot be executed\n +mend: chmod 755 {HELPER}\n.*Something needs mending", "a helper that is no program")
    os.chmod(HELPER, 0o755)
    os.chmod(f"{CACHE}/pace", 0o666)
    done = gives(gate, ["doctor"], 2, rf"(?s)FAIL +store +{CACHE}/pace: not a file of ours .*\n +mend: remove that file.*Something needs mending",
                 "a pace that nobody can keep", f"{CACHE}/pace: ")
    unlike(done.stdout, "All is well|ok +store", "... is not well")
    os.unlink(f"{CACHE}/pace")
    gives(gate, ["doctor"], 0, r"(?s)ok +store.*All is well", "... until the file is removed")
    os.unlink(f"{DIRECTORY}/users.map")
    gives(gate, ["doctor"], 3, r"(?s)FAIL +map +/etc/openai-gate/users\.map: No such file.*Something needs mending", "a map that is missing")
    write(f"{DIRECTORY}/users.map", "ann\n")
    gives(gate, ["doctor"], 3, r"(?s)FAIL +map +/etc/openai-gate/users\.map:1: .*Something needs mending", "a map with a mistake")
    gate.configure()
    gives(gate, ["doctor"], 0, r"(?s)ok +map +/etc/openai-gate/users\.map\n.*All is well", "... until it is mended")
    own = {"web": {"role": "owner", "map_file": f"{DIRECTORY}/web.map"}}
    gate.configure(policies=POLICIES | own)
    gives(gate, ["doctor"], 3, r"(?s)ok +map .*FAIL +map +/etc/openai-gate/web\.map: No such file", "a policy's own map is missing")
    gate.configure(policies=POLICIES)
    write(CONF, gate.text().replace(f"map_file = {DIRECTORY}/users.map", "") + "[policy web]\nrole = owner\nemail = %u\n")
    said = gives(gate, ["doctor"], 3, r"FAIL +policy ssh +neither email nor map_file: nobody has an identity\n +mend: .*\[identity\]",
                 "nobody has an identity")
    unlike(said.stdout, "FAIL +policy web", "... but by a policy with a template of its own")
    said = gives(gate, ["config"], 3, "^$", "config, nobody has an identity", rf"{CONF}:\d+: \[policy admin\] has neither email nor map_file")
    unlike(said.stderr, "policy web", "... but by a policy with a template of its own")
    gate.configure()
    sim.fault(403)
    gives(gate, ["doctor"], 3, r"(?s)FAIL +users +credential.*mend: .*Read only", "a refused key")
    sim.clear_faults()
    sim.archive_project("proj_web")
    gives(gate, ["doctor"], 3, r"(?s)FAIL +project proj_web +archived.*mend", "an archived project")
    sim.remove_project("proj_web")
    gives(gate, ["doctor"], 3, r"(?s)FAIL +project proj_web +not in this organization", "an unknown project")
    sim.fault("silence")
    gate.configure(api={"timeout": "500ms"})
    gives(gate, ["doctor"], 2, r"(?s)FAIL +users +timeout.*mend: check DNS", "a silent API")


def main():
    install()
    with Simulator("/run/sim") as sim:
        gate = Gate(sim, POLICIES, USERS, api={"requests_per_minute": "600"})
        check_command(sim, gate)
        json_object(sim, gate)
        environment(sim, gate)
        config_command(gate)
        cache_command(sim, gate)
        shown(sim, gate)
        doctor_of_sshd(gate)
        doctor_of_exempt(gate)
        doctor_command(sim, gate)
    os.chmod(CACHE, 0o700)
    gate = subprocess.run(["/usr/sbin/openai-gate", "check", "--policy", "ssh", "ann"], capture_output=True, check=False,
                          text=True, user=65534, group=65534)
    is_(gate.returncode, 3, "an ordinary user, who may not read the key, is told so")
    like(gate.stderr, "admin.key|cache", "... with the path")
    done_testing()


main()
