"""The real nginx over TLS: a password or a client certificate says who asks,
the gate whether that person may. The answer carries the reason in a header."""

import os
import re
import subprocess

import certificates
from nginx import DIRECTORY, Nginx
from stage import CAST, PASSWORD, Outcome
from wait import until

PORT = 8443
URL = f"https://localhost:{PORT}"

_HTTP = """
    openai_gate_config /etc/openai-gate/gate.conf;
    ssl_certificate %(certificate)s;
    ssl_certificate_key %(key)s;
    ssl_client_certificate %(ca)s;
    ssl_verify_client optional;
    add_header X-Gate-Reason "$openai_gate_verdict $openai_gate_reason" always;
    map "$ssl_client_verify $ssl_client_s_dn" $certificate_name {
        "~^SUCCESS CN=(?<name>[^,]+)$" $name;
    }
    server {
        listen 127.0.0.1:%(port)d ssl http2;
        location / {
            openai_gate web;
            auth_basic "Example Corp";
            auth_basic_user_file %(directory)s/passwords;
            openai_gate_identity $remote_user;
        }
        location /certificate/ {
            alias %(directory)s/html/;
            openai_gate web;
            openai_gate_identity $certificate_name;
        }
    }
"""


class Web:
    name = "https"
    policies = {"web": {"role": "owner reader", "project": "proj_web", "owner_is_member": "yes"}}
    cases = [("olivia", "allow ok"), ("wendy", "allow ok"), ("ben", "deny project"), ("bob", "deny account-disabled"),
             ("nils", "deny no-identity"), ("carla", "allow ok"), ("mallory", "not asked")]

    # Who comes with something else than a password of one's own.
    _CERTIFICATE = ("carla",)
    _WRONG = ("mallory",)

    def label(self, who):
        if who in self._CERTIFICATE:
            return "https, certificate"
        return "https, wrong password" if who in self._WRONG else "https, password"

    def open(self, stage):
        self._stage = stage
        made = certificates.make("/var/tmp/demo")
        self._ca = made["ca"]
        self._client = certificates.client("/var/tmp/demo", *self._CERTIFICATE)
        os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
        with open(f"{DIRECTORY}/passwords", "w", encoding="ascii") as file:
            file.writelines(f"{who}:{{PLAIN}}{PASSWORD}\n" for who in CAST)
        text = _HTTP % {"certificate": made["good"][0], "key": made["good"][1], "ca": self._ca, "port": PORT,
                        "directory": DIRECTORY}
        self._nginx = Nginx(text)
        self._nginx.start()

    def attempt(self, who):
        command = ["curl", "--silent", "--show-error", "--cacert", self._ca, "--dump-header", "-"]
        if who in self._CERTIFICATE:
            certificate, key = self._client
            command += ["--cert", certificate, "--key", key, f"{URL}/certificate/"]
        else:
            password = "a guess" if who in self._WRONG else PASSWORD
            command += ["--user", f"{who}:{password}", f"{URL}/"]
        before = self._accesses()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        status = re.search(r"^HTTP/\S+ (\d+)", done.stdout)
        reason = re.search(r"(?im)^x-gate-reason: *([^\r\n]*)", done.stdout)
        # After a wrong password nobody asks the gate: the header is empty.
        words = (reason[1] if reason else "").strip() or "not asked"
        # nginx writes the line when the answer is already there.
        until(lambda: len(self._accesses()) > len(before))
        logged = " ".join((self._accesses() or [[]])[-1])
        return Outcome(bool(status) and status[1] == "200", words,
                       f"HTTP {status[1]}, X-Gate-Reason: {words}" if status else done.stderr, logged)

    def _accesses(self):
        return self._nginx.accesses() if os.path.exists(self._nginx.access_log) else []

    def forget(self, _):
        """The workers' own store, forgotten; they see it within a second."""
        self._nginx.forget()
        return f"rm -r {self._nginx.cache}/*"

    def close(self):
        self._nginx.quit()
