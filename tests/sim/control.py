"""The control interface: plain HTTP on another loopback port. README.md has
the list of what it takes, with examples."""

import http.server
import json
import urllib.parse

import live as verbs
from faults import Fault, manual


class ControlServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, live, registry, limiter, log, server):
        super().__init__(address, Handler)
        self.live, self.faults, self.limiter = live, registry, limiter
        self.log, self.simulated = log, server
        self.url = f"http://{self.server_address[0]}:{self.server_address[1]}"


class _Unknown(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *ignored):
        """Standard error is for trouble."""

    def _reply(self, status, text, kind="application/json"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self):
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length).decode()
        target, _, query = self.path.partition("?")
        words = [urllib.parse.unquote(word) for word in target.strip("/").split("/")]
        name = f"{self.command.lower()}_{words[0]}"
        try:
            method = getattr(self, name, None)
            if method is None:
                raise _Unknown
            body = json.loads(text) if text else {}
            result = method(words[1:], dict(urllib.parse.parse_qsl(query)), body)
        except _Unknown:
            self._reply(404, json.dumps({"error": f"no {self.command} {target} here"}))
        except (ValueError, KeyError, TypeError) as error:
            self._reply(400, json.dumps({"error": f"{type(error).__name__}: {error}"}))
        else:
            if isinstance(result, str):
                self._reply(200, result, "application/x-ndjson")
            else:
                self._reply(200, json.dumps(result) + "\n")

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = _handle

    # The organization.

    def get_organization(self, words, query, body):
        return self.server.live.current().document

    def put_organization(self, words, query, body):
        self.server.live.replace(body)
        return body

    def patch_organization(self, words, query, body):
        self.server.live.patch(body)
        return self.server.live.current().document

    def get_users(self, words, query, body):
        organization = self.server.live.current()
        return organization.user(organization.ident(words[0]))

    def put_users(self, words, query, body):
        self.server.live.edit(verbs.put_user, words[0], body)
        return {}

    def delete_users(self, words, query, body):
        self.server.live.edit(verbs.remove_user, words[0])
        return {}

    def _put_container(self, key, words, body):
        if len(words) == 1:
            self.server.live.edit(verbs.put_container, key, words[0], body)
        elif len(words) == 3 and words[1] == "members":
            value = body.get("role", "member") if key == "projects" else True
            self.server.live.edit(verbs.put_member, key, words[0], words[2], value)
        else:
            raise _Unknown
        return {}

    def _delete_container(self, key, words):
        if len(words) == 1:
            self.server.live.edit(verbs.remove_container, key, words[0])
        elif len(words) == 3 and words[1] == "members":
            self.server.live.edit(verbs.put_member, key, words[0], words[2], None)
        else:
            raise _Unknown
        return {}

    def put_projects(self, words, query, body):
        return self._put_container("projects", words, body)

    def delete_projects(self, words, query, body):
        return self._delete_container("projects", words)

    def put_groups(self, words, query, body):
        return self._put_container("groups", words, body)

    def delete_groups(self, words, query, body):
        return self._delete_container("groups", words)

    def put_invites(self, words, query, body):
        self.server.live.edit(verbs.put_invite, words[0], body)
        return {}

    def delete_invites(self, words, query, body):
        self.server.live.edit(verbs.remove_invite, words[0])
        return {}

    # What came, and what is to go wrong.

    def get_requests(self, words, query, body):
        if "wait" in query:
            self.server.log.wait(int(query["wait"]), float(query.get("seconds", 10)))
        return self.server.log.lines()

    def delete_requests(self, words, query, body):
        self.server.log.clear()
        return {}

    def get_connections(self, words, query, body):
        return self.server.simulated.counters()

    def get_faults(self, words, query, body):
        return self.server.faults.describe()

    def get_manual(self, words, query, body):
        return manual()

    def post_faults(self, words, query, body):
        self.server.faults.add(Fault(**body))
        return self.server.faults.describe()

    def delete_faults(self, words, query, body):
        self.server.faults.clear()
        return {}

    def put_rate(self, words, query, body):
        self.server.limiter.set(**body)
        return {}
