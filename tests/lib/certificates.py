"""Throw-away certificates for loopback servers, kept in one directory.

Made by the openssl command with elliptic keys, once for a directory; several
processes may ask at once.
"""

import fcntl
import os
import subprocess

_NAMES = "DNS:localhost,DNS:*.example.net,IP:127.0.0.1,IP:::1"


def _openssl(directory, *words):
    done = subprocess.run(["openssl", *words], cwd=directory, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(words)}: {done.stderr}")


def _authority(directory, name):
    _openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
             "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN={name} for tests",
             "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _certificate(directory, name, authority, names, usage, days="30"):
    with open(os.path.join(directory, f"{name}.ext"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\nextendedKeyUsage={usage}\n"
                   "basicConstraints=critical,CA:FALSE\n")
    _openssl(directory, "req", "-new", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
             "-out", f"{name}.csr", "-subj", f"/CN={name}")
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem",
             "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", days,
             "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def _make_all(directory):
    _authority(directory, "ca")
    _authority(directory, "strange-ca")
    _certificate(directory, "good", "ca", _NAMES, "serverAuth")
    _certificate(directory, "wrong-name", "ca", "DNS:elsewhere.example.com", "serverAuth")
    _certificate(directory, "other-ca", "strange-ca", _NAMES, "serverAuth")
    # Over as it begins: OpenSSL 3.5 makes none that ends before that.
    _certificate(directory, "expired", "ca", _NAMES, "serverAuth", days="0")
    _certificate(directory, "client", "ca", "email:gate@example.com", "clientAuth")


def client(directory, name):
    """(certificate, key) of a person, issued by the authority that make() made."""
    where = os.path.join(directory, "certificates")
    path = os.path.join(where, name)
    if not os.path.exists(f"{path}.pem"):
        _certificate(where, name, "ca", f"email:{name}@example.com", "clientAuth")
    return f"{path}.pem", f"{path}.key"


def stranger(directory):
    """(certificate, key) of a client whom an authority that nobody trusts made."""
    where = os.path.join(directory, "certificates")
    path = os.path.join(where, "stranger")
    if not os.path.exists(f"{path}.pem"):
        _certificate(where, "stranger", "strange-ca", "email:stranger@example.com", "clientAuth")
    return f"{path}.pem", f"{path}.key"


def make(directory):
    """{"ca": path, "good": (certificate, key), ...} below directory/certificates."""
    where = os.path.join(directory, "certificates")
    os.makedirs(where, mode=0o755, exist_ok=True)
    done = os.path.join(where, "done")
    with open(os.path.join(where, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(done):
            _make_all(where)
            # Whoever tests under another user reads these, whatever the umask.
            os.chmod(where, 0o755)
            os.chmod(os.path.join(where, "ca.pem"), 0o644)
            with open(done, "w", encoding="ascii"):
                pass
    made = {name: (os.path.join(where, f"{name}.pem"), os.path.join(where, f"{name}.key"))
            for name in ("good", "wrong-name", "other-ca", "expired", "client")}
    made["ca"] = os.path.join(where, "ca.pem")
    return made
