#!/usr/bin/python3
"""A stateful stand-in for the OpenAI Administration API, for tests: TLS on
loopback, reading only, an organization from one JSON file. See README.md."""

import argparse
import ctypes
import json
import os
import resource
import signal
import ssl
import sys
import threading

from api import Api
from control import ControlServer
from faults import Faults
from live import Live
from rate import STYLES, Limiter
from requestlog import RequestLog
from server import Server

_PR_SET_PDEATHSIG = 1


def _address(text):
    host, _, port = text.rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        raise argparse.ArgumentTypeError(f"{text}: want 127.0.0.1:PORT, nothing else")
    return "127.0.0.1", int(port)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--organization", required=True, metavar="FILE")
    add("--listen", type=_address, default="127.0.0.1:0", metavar="127.0.0.1:PORT")
    add("--control", type=_address, default="127.0.0.1:0", metavar="127.0.0.1:PORT")
    add("--cert", metavar="FILE", help="the server's certificate and chain, PEM")
    add("--key", metavar="FILE", help="its private key, PEM")
    add("--client-ca", metavar="FILE", help="ask clients for a certificate of this CA")
    add("--plain", action="store_true", help="HTTP without TLS")
    add("--log", metavar="FILE", help="append each request as a line of JSON")
    add("--prefix", default="/v1", help="what the paths begin with; '' for none")
    add("--rate", type=int, default=0, metavar="N", help="requests a window, each endpoint")
    add("--rate-style", choices=STYLES, default="retry-after")
    add("--rate-window", type=float, default=60.0, metavar="SECONDS")
    add("--ready", metavar="FILE", help="written when listening: url, control, pid")
    add("--ready-fd", type=int, metavar="N", help="the same, to an open descriptor")
    add("--die-with-parent", type=int, nargs="?", const=0, metavar="PID",
        help="end when the parent does; PID: and at once when it is another by now")
    arguments = parser.parse_args()
    if not arguments.plain and not (arguments.cert and arguments.key):
        parser.error("want --cert and --key, or --plain")
    return arguments


def _die_with_parent(expected):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"openai_sim: prctl: {os.strerror(ctypes.get_errno())}")
    if expected and os.getppid() != expected:
        sys.exit("openai_sim: the parent is gone")


def _room_for_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))


def _context(arguments):
    if arguments.plain:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(arguments.cert, arguments.key)
    context.set_alpn_protocols(["http/1.1"])
    if arguments.client_ca:
        context.load_verify_locations(arguments.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _tell(arguments, server, control):
    text = json.dumps({"url": server.url, "control": control.url, "pid": os.getpid()})
    if arguments.ready:
        temporary = f"{arguments.ready}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.rename(temporary, arguments.ready)
    if arguments.ready_fd is not None:
        with os.fdopen(arguments.ready_fd, "w", encoding="utf-8") as file:
            file.write(text + "\n")


def main():
    arguments = _arguments()
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    # Blocked before any thread begins, and taken by sigwait alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    if arguments.die_with_parent is not None:
        _die_with_parent(arguments.die_with_parent)
    # A thread for each connection: a small stack is enough.
    threading.stack_size(512 * 1024)
    _room_for_connections()
    try:
        live = Live(arguments.organization)
        limiter, registry = Limiter(), Faults()
        limiter.set(arguments.rate, arguments.rate_style, arguments.rate_window)
        log = RequestLog(arguments.log)
        prefix = "/" + arguments.prefix.strip("/") if arguments.prefix.strip("/") else ""
        server = Server(arguments.listen, prefix, Api(live, limiter), live, registry,
                        log, _context(arguments))
        control = ControlServer(arguments.control, live, registry, limiter, log, server)
    except (OSError, ValueError) as error:
        sys.exit(f"openai_sim: {error}")
    threading.Thread(target=server.run, daemon=True).start()
    threading.Thread(target=control.serve_forever, daemon=True).start()
    _tell(arguments, server, control)
    signal.sigwait(ends)
    if arguments.ready and os.path.exists(arguments.ready):
        os.unlink(arguments.ready)
    # Connections may be in the middle of a fault: nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
