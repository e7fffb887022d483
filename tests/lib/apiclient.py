"""A plain client of the simulated API, for tests of the simulator itself: what
it reads is the wire's own, with no gate between."""

import http.client
import json
import socket
import ssl
import urllib.parse


OWN = object()


class Client:
    """One person's way to the simulator."""

    def __init__(self, sim, key):
        self.sim = sim
        self.key = key
        self.context = ssl.create_default_context(cafile=sim.ca_file)
        self.connection = http.client.HTTPSConnection(
            "127.0.0.1", sim.port, timeout=30, context=self.context)

    def ask(self, target, key=OWN, method="GET", headers=None):
        """(status, headers, body) over a connection that stays."""
        sent = dict(headers or {})
        if key is OWN:
            key = self.key
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        try:
            self.connection.request(method, "/v1" + target, headers=sent)
            response = self.connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def get(self, target, **options):
        """(status, document)."""
        status, _, body = self.ask(target, **options)
        return status, json.loads(body)

    def status(self, target, **options):
        return self.ask(target, **options)[0]

    def socket(self):
        plain = socket.create_connection(("127.0.0.1", self.sim.port), 30)
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1")

    def send(self, target):
        """A connection on which one request has gone out."""
        sock = self.socket()
        sock.sendall((f"GET /v1{target} HTTP/1.1\r\nHost: localhost\r\n"
                      f"Authorization: Bearer {self.key}\r\n\r\n").encode())
        return sock

    def raw(self, target):
        """All that is received until the connection ends."""
        text = b""
        with self.send(target) as sock:
            while piece := sock.recv(65536):
                text += piece
        return text

    def walk(self, target, cursor):
        """(rows, number of pages) of a whole list."""
        rows, pages, after = [], 0, ""
        while pages < 50:
            _, page = self.get(target + after)
            pages += 1
            rows += page["data"]
            if not page["has_more"]:
                return rows, pages
            after = "&after=" + urllib.parse.quote(page[cursor], safe="")
        raise AssertionError("the list has no end")
