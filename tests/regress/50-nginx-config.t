#!/usr/bin/python3
"""nginx -t: what it refuses and warns of, with the file, the line and the mend;
how the directives are inherited; what the module exports."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import gate
from gate import Gate, write
from nginx import DIRECTORY, MODULE, Nginx, run
from sim import Simulator
from tap import done_testing, is_, like, ok, unlike

CONF = f"{DIRECTORY}/nginx.conf"
WWW_DATA = 33
POLICIES = {"any": {"role": "owner reader"}, "web": {"project": "proj_web"}}


def configured(http, main=""):
    """The status of nginx -t, and what it said."""
    nginx.main = main
    nginx.write(http)
    return nginx.test()


def refused(http, regex, name):
    status, said = configured(http)
    is_(status, 1, f"{name}: refused")
    like(said, r"\[emerg\] .*" + regex, f"{name}: and told why")


def accepted(http, name, warning=None):
    status, said = configured(http)
    is_(status, 0, f"{name}: accepted")
    if warning is None:
        unlike(said, r"\[(warn|emerg|alert)\]", f"{name}: without a word")
    else:
        like(said, r"\[warn\] .*" + warning, f"{name}: with a warning")


def server(text):
    """nginx.conf's line 12 is the first of it."""
    return "server { listen 127.0.0.1:8080;\n" + text + "\n}"


simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, POLICIES, {"ann": "ann@example.com"})
nginx = Nginx("")
PASSWORDS = f"{DIRECTORY}/passwords"
write(PASSWORDS, "ann:{PLAIN}secret\n")
BASIC = f"auth_basic x; auth_basic_user_file {PASSWORDS};"

# The directives themselves.

accepted(server(f"location / {{ {BASIC} openai_gate any; openai_gate_identity $remote_user; }}"), "a gate behind a password")
accepted(server("openai_gate any; openai_gate_identity $ssl_client_s_dn; location / { openai_gate off; }"), "off")
accepted(server("location / { openai_gate_identity $ssl_client_s_dn; }"), "an identity without a gate")

refused(server("location / {\nopenai_gate any; }"), r"\"openai_gate any\" in " + re.escape(CONF) +
        r":14 does not know who is asking at /: add \"openai_gate_identity\"", "no identity")
refused(server("openai_gate any;\nlocation / { openai_gate_identity $ssl_client_s_dn; }"),
        r":13 .* at the server itself: add", "no identity outside of the location")
refused(server("location / { limit_except GET {\nopenai_gate any; } }"), r":14 does not know who is asking", "no identity in limit_except")
refused(server("location / { openai_gate_identity $ssl_client_s_dn;\nopenai_gate sales; }"),
        r"\"openai_gate sales\" in " + re.escape(CONF) + r":14: /etc/openai-gate/gate.conf has no section \[policy sales\]; add it",
        "a policy that is not there")
for directive, times in (("openai_gate any;", 2), ("openai_gate_identity $ssl_client_s_dn;", 2)):
    refused(server(directive * times), r"directive is duplicate in .*:13", f"twice {directive}")
refused("openai_gate_config a;\nopenai_gate_config b;", r"directive is duplicate in .*:13", "twice openai_gate_config")
refused("openai_gate_cache a;\nopenai_gate_cache b;", r"directive is duplicate in .*:13", "twice openai_gate_cache")
refused(server("openai_gate '';"), r"needs the name of a policy, or \"off\" in .*:13", "an empty name")
refused(server("openai_gate_identity ann;"), r"must be one variable, such as \$remote_user, not \"ann\" in .*:13", "an identity that is no variable")
refused(server("openai_gate_identity $;"), r"must be one variable", "a lonely dollar sign")
refused(server("openai_gate_identity $remote_user@example.com;"), r"nothing else.*belongs to \"email\" in gate.conf", "an identity with a suffix")
refused(server("openai_gate_identity $nobody_sets_this;"), r"unknown \"nobody_sets_this\" variable", "a variable that nobody sets")
refused(server("location / { openai_gate_status; openai_gate_identity; }"), r"invalid number of arguments", "no argument")
refused(server("openai_gate_status;"), r"directive is not allowed here", "the status outside of a location")

# Whom it believes.

for variable in ("http_x_user", "arg_user", "cookie_user"):
    accepted(server(f"openai_gate any; openai_gate_identity ${variable};"), f"${variable}",
             rf"the client itself writes \"\${variable}\".*openai_gate_identity.* in {re.escape(CONF)}:13")
accepted(server(f"location / {{ satisfy any; {BASIC}\nopenai_gate any; openai_gate_identity $remote_user; }}"), "satisfy any",
         r":14 takes \$remote_user under \"satisfy any\" at /: .*use \"satisfy all\"")
accepted(server("location /a {\nopenai_gate any; openai_gate_identity $remote_user; }"), "no password",
         r":14 takes \$remote_user at /a where no \"auth_basic\" is in force")
accepted(server("location /a {\nopenai_gate any; openai_gate_identity $Remote_User; }"), "no password, and a name in capitals",
         r":14 takes \$remote_user at /a where no \"auth_basic\" is in force")
accepted(server("openai_gate any; openai_gate_identity $HTTP_X_User;"), "a header in capitals", r"the client itself writes \"\$http_x_user\"")
accepted(server(f"{BASIC} openai_gate any; openai_gate_identity $remote_user; location /b {{ auth_basic off; }}"), "auth_basic off",
         r" at /b where no \"auth_basic\"")

# gate.conf, map and key.

GOOD = server("openai_gate any; openai_gate_identity $ssl_client_s_dn;")
refused("openai_gate_config /etc/openai-gate/none.conf;" + GOOD, r"openai_gate: /etc/openai-gate/none.conf", "gate.conf missing")
os.chmod(gate.CONF, 0o666)
refused(GOOD, r"openai_gate: /etc/openai-gate/gate.conf.*0?666", "gate.conf that all may write")
write(gate.CONF, settings.text() + "[api]\nkeyfile = x\n")
refused(GOOD, r"openai_gate: /etc/openai-gate/gate.conf:\d+", "gate.conf with a wrong key")
settings.configure()
write(f"{gate.DIRECTORY}/users.map", "ann  ann@example.com\nann  ben@example.com\n")
refused(GOOD, r"openai_gate: /etc/openai-gate/users.map:2", "a map with two lines for one name")
settings.configure()
os.chmod(f"{gate.DIRECTORY}/admin.key", 0o644)
refused(GOOD, r"openai_gate: /etc/openai-gate/admin.key.*0?644", "a key that all may read")
write(f"{gate.DIRECTORY}/admin.key", "sk-proj-abc\n", 0o600)
status, said = configured(GOOD)
is_(status, 1, "a project's key: refused")
like(said, r"admin.key: this is a project's key", "a project's key: and told why")
unlike(said, r"sk-proj-abc", "a project's key: which is not shown")
write(f"{gate.DIRECTORY}/admin.key", simulator.admin_key + "\n", 0o600)
write(f"{gate.DIRECTORY}/bad.map", "ann ann@example.com trailing\n")
settings.configure(policies=POLICIES | {"own": {"role": "owner", "map_file": f"{gate.DIRECTORY}/bad.map"}})
accepted(GOOD, "a bad map of a policy that is not used")
refused(server("openai_gate own; openai_gate_identity $ssl_client_s_dn;"), r"bad.map:1", "a bad map of a policy")
settings.configure(policies=POLICIES)
os.unlink(f"{gate.DIRECTORY}/admin.key")
refused(GOOD, r"admin.key", "no key")
settings.configure(api={"base_url": "none"})
accepted(GOOD, "no key, and no API either")
accepted(f"openai_gate_config {gate.CONF};", "read, though nothing is gated yet")
status, said = configured("server { listen 127.0.0.1:8080; location / { } }")
is_(status, 0, "loaded, but not used: accepted")
ok(not os.path.exists("/var/lib/nginx/openai_gate"), "loaded, but not used: no directory")
write(f"{gate.DIRECTORY}/admin.key", simulator.admin_key + "\n", 0o600)
settings.configure(api={"base_url": simulator.url})

status, said = configured(GOOD)
status, said = run(nginx.command("-T"))
like(said, r"openai_gate_identity", "nginx -T prints the configuration")
unlike(said, re.escape(simulator.admin_key), "but not the key")

# The store's directory.

status, said = configured(f"openai_gate_cache {DIRECTORY}/a/b/;" + GOOD)
like(said, r"mkdir\(\) \"/srv/nginx/a/b\" failed", "a store whose parent is missing")
status, said = configured("openai_gate_cache own/;" + GOOD)
info = os.stat(f"{DIRECTORY}/own")
is_((status, info.st_uid, oct(info.st_mode & 0o777)), (0, WWW_DATA, "0o700"), "a path below the prefix, made for the workers")
os.chown(f"{DIRECTORY}/own", 0, 0)
status, said = configured("openai_gate_cache own/;" + GOOD)
is_((status, os.stat(f"{DIRECTORY}/own").st_uid), (0, 0), "one that is there stays as it is")
refused(f"openai_gate_cache {gate.CACHE};" + GOOD, r"\"openai_gate_cache\" /var/cache/openai-gate is also the store of PAM", "PAM's store")
is_(os.stat(gate.CACHE).st_uid, 0, "PAM's store: stays root's")
os.rename(gate.CACHE, f"{gate.CACHE}.away")
os.symlink(os.path.dirname(gate.CACHE), "/srv/link")
for theirs, ours in (
        (gate.CACHE, f"{gate.CACHE}/"),
        (f"{gate.CACHE}/", gate.CACHE),
        (gate.CACHE, "/var//cache/./openai-gate"),
        ("/srv/link/openai-gate", gate.CACHE)):
    settings.configure(cache={"directory": theirs})
    refused(f"openai_gate_cache {ours};" + GOOD, r"\"openai_gate_cache\" \S+ is also the store of PAM", f"PAM's store to be, {theirs}, as {ours}")
    ok(not os.path.exists(gate.CACHE), "... is not made for the workers") or shutil.rmtree(gate.CACHE)
settings.configure(cache={"directory": gate.CACHE})
os.rename(f"{gate.CACHE}.away", gate.CACHE)
settings.configure(api={"base_url": "none"})
accepted(f"openai_gate_cache {gate.CACHE};" + GOOD, "PAM's store, where nobody asks: workers only read it")
is_(os.stat(gate.CACHE).st_uid, 0, "PAM's store: stays root's")
refused("openai_gate_cache missing;" + GOOD, r"cannot be read, and /etc/openai-gate/gate.conf says \"base_url = none\"", "no store, where nobody asks")
settings.configure(api={"base_url": simulator.url})
text = f"load_module {MODULE}; events {{ }} http {{ {GOOD} }}"
write(f"{DIRECTORY}/default.conf", text)
status, said = run(["/usr/sbin/nginx", "-t", "-c", f"{DIRECTORY}/default.conf"])
is_(status, 0, "the default of openai_gate_cache")
info = os.stat("/var/lib/nginx/openai_gate")
is_((oct(info.st_mode & 0o777), info.st_uid != 0), ("0o700", True), "is beside nginx's own, and the workers'")

# What the shared object shows.

names = subprocess.run(["nm", "-D", "--defined-only", MODULE], capture_output=True, text=True, check=True).stdout
is_(sorted(line.split()[-1] for line in names.splitlines()), ["ngx_module_names", "ngx_module_order", "ngx_modules"],
    "the module exports what nginx looks for, and nothing else")
undefined = subprocess.run(["nm", "-D", "--undefined-only", MODULE], capture_output=True, text=True, check=True).stdout
is_([line for line in undefined.split() if re.match(r"(og_|cdb_|SHA256)", line)], [], "and lacks nothing of the core")

# Inheritance, in a server that runs.

nginx.main = ""
nginx.write("""
    openai_gate any;
    openai_gate_identity $http_x_user;
    server {
        listen 127.0.0.1:8080;
        location / { }
        location /web/ { openai_gate web; alias /srv/nginx/html/; }
        location /other/ { openai_gate_identity $arg_user; alias /srv/nginx/html/; }
        location /return/ { return 200; }
        location /free/ { openai_gate off; alias /srv/nginx/html/;
            location /free/again/ { openai_gate any; alias /srv/nginx/html/; }
        }
        location /write/ { openai_gate off; alias /srv/nginx/html/;
            limit_except GET { openai_gate any; }
        }
    }
    server { listen 127.0.0.1:8081; openai_gate off; location / { } }
""")
settings.configure(users={"ann": "ann@example.com", "ben": "ben@example.com"})
with nginx:
    for path, user, status, name in (
            ("/", "ann", 200, "from http to a location"),
            ("/", None, 401, "and it refuses"),
            ("/web/", "ann", 200, "another policy in a location"),
            ("/web/", "ben", 403, "which is another one"),
            ("/other/?user=ann", None, 200, "another identity in a location"),
            ("/other/?user=zoe", "ann", 403, "and not the first one"),
            ("/return/", None, 200, "not before a return, as the manual page says"),
            ("/free/", None, 200, "off"),
            ("/free/again/", None, 401, "on again below off"),
            ("/free/again/", "ann", 200, "with the identity of http"),
            ("/write/", None, 200, "limit_except: not for GET")):
        is_(nginx.get(path, user=user).status, status, f"inheritance: {name}")
    is_(nginx.get("/write/", method="DELETE").status, 401, "limit_except: for DELETE")
    is_(nginx.get("/write/", user="ann", method="DELETE").status, 405, "limit_except: past the gate")
    is_(nginx.get("/", port=8081).status, 200, "off in a server")
is_(nginx.complaints(), [], "the log is clean")
done_testing()
