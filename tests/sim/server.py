"""HTTP/1.1 over TLS, one thread a connection, on plain sockets: faults need
the wire itself, and a test's 200 clients need no framework."""

import email.utils
import functools
import gzip
import http
import itertools
import socket
import ssl
import struct
import threading

import faults
import spoil
from api import Answer, Request, error

_HEAD_MAX = 65536
_BACKLOG = 1024
_PIECE = b" " * 65536


class _Gone(Exception):
    """The connection is over."""


class Server:
    def __init__(self, address, prefix, api, live, registry, log, context=None):
        """context: an ssl.SSLContext, or None for plain HTTP."""
        self._prefix = prefix
        self._api = api
        self._live = live
        self._faults = registry
        self._log = log
        self._context = context
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._counters = {"accepted": 0, "open": 0, "handshakes_failed": 0}
        self._socket = socket.create_server(address, backlog=_BACKLOG)
        host, port = self._socket.getsockname()[:2]
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://{host}:{port}{prefix}"

    def counters(self):
        with self._lock:
            return dict(self._counters)

    def _add(self, name, number):
        with self._lock:
            self._counters[name] += number

    def run(self):
        while True:
            sock, _ = self._socket.accept()
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        self._add("accepted", 1)
        self._add("open", 1)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fault = self._faults.handshake()
            if fault is not None:
                _spoil_handshake(sock, fault.kind, self._context)
            elif self._context is None:
                self._serve(sock)
            else:
                self._handshake(sock)
        except (OSError, _Gone):
            pass
        finally:
            sock.close()
            self._add("open", -1)

    def _handshake(self, sock):
        try:
            secured = self._context.wrap_socket(sock, server_side=True)
        except OSError:
            self._add("handshakes_failed", 1)
            raise
        with secured:
            self._serve(secured)

    def _serve(self, sock):
        number = next(self._numbers)
        reader = _Reader(sock)
        while True:
            request = reader.request(self._prefix)
            if request is None:
                return
            answer, delay = self._judge(request, number)
            if delay:
                # Nothing is awaited here: time itself is what was asked for.
                threading.Event().wait(delay)
            _DELIVER[answer.delivery[0]](sock, request, answer, answer.delivery[1])
            if answer.last:
                return

    def _judge(self, request, number):
        """The answer that goes out, in the log already, and how late it is."""
        delay, fault = self._faults.meet(request)
        secret = self._live.current().admin_key
        answer = self._answer(request, fault)
        # The body that another method may bring is never read.
        answer.last = (request.method != "GET"
                       or request.headers.get("connection", "").lower() == "close")
        self._log.add(request, answer.status, number, self._api.key_word(request),
                      None if fault is None else fault.kind, secret)
        return answer, delay

    def _answer(self, request, fault):
        if request.method == "":
            return error(400, "This is not HTTP/1.1.")
        if fault is not None and fault.kind in faults.NO_ANSWER:
            answer = Answer(None)
            answer.delivery = (fault.kind, fault.params)
            return answer
        if fault is not None and fault.kind in spoil.REFUSALS:
            return spoil.change_answer(fault, None, request, self._api)
        spoil.change_request(fault, request)
        answer = spoil.change_answer(fault, self._api.answer(request), request,
                                     self._api)
        if fault is not None and fault.kind in faults.DELIVERY:
            answer.delivery = (fault.kind, {**fault.params, "cleared": fault.cleared})
        return answer


class _Reader:
    def __init__(self, sock):
        self._sock = sock
        self._pending = b""

    def request(self, prefix):
        """The next request, or None when the client has closed. One that is
        not HTTP has the method ""."""
        while b"\r\n\r\n" not in self._pending:
            data = self._sock.recv(65536)
            if not data:
                return None
            self._pending += data
            if len(self._pending) > _HEAD_MAX:
                return Request("", "/", {"connection": "close"}, prefix)
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return Request("", "/", {"connection": "close"}, prefix)
        if words[2] == "HTTP/1.0" and "connection" not in headers:
            headers["connection"] = "close"
        return Request(words[0], words[1], headers, prefix)


# How answers are sent.

def _head(answer, length, extra=()):
    phrase = (http.HTTPStatus(answer.status).phrase
              if answer.status in set(http.HTTPStatus) else "Unknown")
    lines = [f"HTTP/1.1 {answer.status} {phrase}",
             f"Date: {email.utils.formatdate(usegmt=True)}",
             "openai-version: 2020-10-01", "x-request-id: req_simulated"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += extra
    if answer.last:
        lines.append("Connection: close")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _whole(sock, request, answer, params):
    body = answer.text()
    sock.sendall(_head(answer, len(body)) + body)


def _drip(sock, request, answer, params):
    body = answer.text()
    for byte in _head(answer, len(body)) + body:
        sock.sendall(bytes([byte]))
        threading.Event().wait(params["ms"] / 1000)


def _late(sock, request, answer, params):
    params["cleared"].wait()
    _whole(sock, request, answer, params)


def _stall(sock, request, answer, params):
    body = answer.text()
    sent = params.get("bytes", len(body) // 2)
    sock.sendall(_head(answer, len(body)) + body[:sent])
    _silence(sock, request, answer, params)


def _truncated(sock, request, answer, params):
    body = answer.text()
    sock.sendall(_head(answer, len(body)) + body[:len(body) // 2])
    raise _Gone


def _unframed(sock, request, answer, params):
    body = answer.text()
    sock.sendall(_head(answer, None) + body[:len(body) // 2])
    raise _Gone


def _close_after(sock, request, answer, params):
    _whole(sock, request, answer, params)
    raise _Gone


def _chunk(piece):
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def _oversized(sock, request, answer, params):
    """Blanks that JSON allows, then the answer: only its size is wrong."""
    body = answer.text()
    blanks = params.get("bytes", 64 * 1024 * 1024) - len(body)
    chunked = bool(params.get("chunked"))
    extra = ("Transfer-Encoding: chunked",) if chunked else ()
    sock.sendall(_head(answer, None if chunked else blanks + len(body), extra))
    # Made once, since many threads send it at the same time.
    whole = _chunk(_PIECE) if chunked else _PIECE
    for _ in range(blanks // len(_PIECE)):
        sock.sendall(whole)
    rest = _PIECE[:blanks % len(_PIECE)]
    if rest:
        sock.sendall(_chunk(rest) if chunked else rest)
    sock.sendall(_chunk(body) + b"0\r\n\r\n" if chunked else body)


def _header_flood(sock, request, answer, params):
    body = answer.text()
    line = "x-flood: " + "f" * 1000
    count = params.get("bytes", 1024 * 1024) // len(line) + 1
    sock.sendall(_head(answer, len(body), [line] * count) + body)


def _half_head(sock, request, answer, params):
    head = _head(answer, len(answer.text()))
    sock.sendall(head[:len(head) // 2])
    _silence(sock, request, answer, params)


def _interim(sock, request, answer, params):
    line = f"HTTP/1.1 {params.get('status', 103)} Interim\r\nx-interim: yes\r\n\r\n"
    sock.sendall(line.encode() * params.get("count", 1))
    _whole(sock, request, answer, params)


# One thread packs what all of them send.
_PACKING = threading.Lock()


@functools.lru_cache(4)
def _packed(blanks, text):
    return gzip.compress(b" " * blanks + text, 1)


def _gzip(sock, request, answer, params):
    with _PACKING:
        body = _packed(params.get("bytes", 0), answer.text())
    sock.sendall(_head(answer, len(body), ["Content-Encoding: gzip"]) + body)


def _two_lengths(sock, request, answer, params):
    body = answer.text()
    sock.sendall(_head(answer, len(body), [f"Content-Length: {len(body) - 1}"]) + body)


def _two_framings(sock, request, answer, params):
    body = answer.text()
    sock.sendall(_head(answer, 1, ["Transfer-Encoding: chunked"])
                 + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def _silence(sock, request, answer, params):
    """Until the client has enough."""
    while sock.recv(65536):
        pass
    raise _Gone


def _reset(sock, *ignored):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise _Gone


def _close(sock, *ignored):
    raise _Gone


def _garbage(sock, *ignored):
    sock.sendall(b"\x00\xff\x15\x03 this is no answer\r\n" * 20)
    raise _Gone


_DELIVER = {
    "whole": _whole, "drip": _drip, "late": _late, "stall": _stall, "truncated": _truncated,
    "unframed": _unframed, "close-after": _close_after, "oversized": _oversized,
    "header-flood": _header_flood, "silence": _silence, "reset": _reset,
    "close": _close, "garbage": _garbage, "half-head": _half_head,
    "interim": _interim, "gzip": _gzip, "two-lengths": _two_lengths,
    "two-framings": _two_framings,
}


def _cut_handshake(sock, context):
    """Certificate and all would follow, but only half of it goes out."""
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(heard, said, server_side=True)
    heard.write(sock.recv(65536))
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        flight = said.read()
        sock.sendall(flight[:len(flight) // 2])
    raise _Gone


def _spoil_handshake(sock, kind, context):
    if kind == "tls-silence":
        _silence(sock, None, None, {})
    elif kind == "tls-reset":
        _reset(sock)
    elif kind == "tls-cut" and context is not None:
        _cut_handshake(sock, context)
    else:
        sock.recv(1)
        _garbage(sock)
