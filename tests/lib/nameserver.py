"""A DNS server for the throw-away machine, as good or bad as a test wants it.

    names = Nameserver()                    # and /etc/resolv.conf points to it
    names.set("api.example.net", "address")

Each name behaves as set, from the next question on; one that was never set
does not exist.
"""

import socket
import struct
import threading

import jail

BEHAVIOURS = {
    "address": "127.0.0.1",
    "late": "127.0.0.1, after 0.3 seconds",
    "hole": "never answers",
    "missing": "there is no such name",
    "broken": "the server has failed",
    "refused": "the server refuses",
    "nothing": "the name has no address",
    "garbage": "bytes that are no answer",
    "stranger": "an answer to another question",
    "loop": "the name is an alias of itself",
    "cut": "cut short, to be asked again over TCP, where nobody is",
}

_LATE_SECONDS = 0.3
_A = 1
_CODES = {"broken": 2, "missing": 3, "refused": 5}


def _name(packet):
    """The name asked for, and where its question ends."""
    words, at = [], 12
    while packet[at]:
        words.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    return ".".join(words).lower(), at + 5


class Nameserver:
    def __init__(self, address=("127.0.0.1", 53)):
        if not jail.inside():
            raise RuntimeError("names are made up in a jail only")
        self._names = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(address)
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(f"nameserver {address[0]}\n")
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, name, behaviour):
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"no behaviour is called {behaviour!r}")
        self._names[name.lower()] = behaviour

    def _serve(self):
        while True:
            packet, client = self._socket.recvfrom(4096)
            try:
                name, end = _name(packet)
                kind = struct.unpack("!H", packet[end - 4 : end - 2])[0]
            except (IndexError, struct.error):
                continue
            behaviour = self._names.get(name, "missing")
            answer = _answer(behaviour, packet[:end], kind)
            if behaviour == "late":
                threading.Timer(_LATE_SECONDS, self._socket.sendto, (answer, client)).start()
            elif answer:
                self._socket.sendto(answer, client)


def _answer(behaviour, question, kind):
    if behaviour == "hole":
        return b""
    if behaviour == "garbage":
        return question[:2] + b"\x81\x80\xff\xff" + b"\xc0\x0c" * 40
    ident, body = question[:2], question[12:]
    flags, records = 0x8580 | _CODES.get(behaviour, 0), b""
    if behaviour == "stranger":
        ident = bytes(byte ^ 0xFF for byte in ident)
    if behaviour == "cut":
        flags |= 0x0200
    if behaviour in ("address", "late", "stranger") and kind == _A:
        records = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 0, 4) + bytes((127, 0, 0, 1))
    elif behaviour == "loop":
        records = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 0, 2) + b"\xc0\x0c"
    return ident + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0) + body + records
