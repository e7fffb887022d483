#!/usr/bin/python3
"""Mutual TLS towards the API from nginx: the private key is root's alone, the
workers are not root, and the API takes nobody without the certificate."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import DIRECTORY, Gate
from nginx import Nginx
from sim import Simulator
from tap import done_testing, is_, like

HTTP = f"""
    openai_gate_config {DIRECTORY}/gate.conf;
    server {{
        listen 127.0.0.1:8080;
        location / {{ openai_gate any; openai_gate_identity $http_x_user; }}
    }}
"""

with Simulator("/srv/sim", clients="certificate") as simulator:
    gate = Gate(simulator, {"any": {"role": "owner reader"}}, {"ann": "ann@example.com"}, api={"timeout": "2s"})
    with Nginx(HTTP) as nginx:
        is_(nginx.get("/", user="ann").status, 503, "without a certificate the API answers nobody")

    for source, name, mode in ((simulator.client_cert, "client.pem", 0o644), (simulator.client_key, "client.key", 0o600)):
        shutil.copy(source, f"{DIRECTORY}/{name}")
        os.chmod(f"{DIRECTORY}/{name}", mode)
    gate.configure(api={"client_cert": f"{DIRECTORY}/client.pem", "client_key": f"{DIRECTORY}/client.key"})
    shutil.rmtree("/srv/nginx/gate")
    with Nginx(HTTP) as nginx:
        is_(nginx.get("/", user="ann").status, 200, "with a key that only root may read: allowed")
        is_(nginx.reload(), True, "a reload")
        nginx.forget()
        is_(nginx.get("/", user="ann").status, 200, "and the new workers have it too")
        is_(nginx.complaints(), [], "no alert")

    os.chmod(f"{DIRECTORY}/client.key", 0o640)
    status, said = Nginx(HTTP).test()
    is_(status, 1, "a key that others may read is refused by nginx -t")
    like(said, rf"{DIRECTORY}/client\.key: mode 0640 .*chmod", "which says the path and the mend")
done_testing()
