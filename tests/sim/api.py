"""Requests become answers: routes, authentication, rate limit, rows.

No sockets here. Only what the gate reads is served; the rest of the API is
404, and any method but GET is 405.
"""

import json
import re
import urllib.parse

from pages import PageError, dialect_a, dialect_b

_ROUTES = [(kind, re.compile(path)) for kind, path in (
    ("users", "/organization/users"),
    ("user", "/organization/users/([^/]+)"),
    ("projects", "/organization/projects"),
    ("project", "/organization/projects/([^/]+)"),
    ("project-users", "/organization/projects/([^/]+)/users"),
    ("project-user", "/organization/projects/([^/]+)/users/([^/]+)"),
    ("groups", "/organization/groups"),
    ("group", "/organization/groups/([^/]+)"),
    ("group-users", "/organization/groups/([^/]+)/users"),
    ("group-user", "/organization/groups/([^/]+)/users/([^/]+)"),
    ("admin-keys", "/organization/admin_api_keys"),
    ("invites", "/organization/invites"),
    ("invite", "/organization/invites/([^/]+)"),
)]

ENDPOINTS = tuple(kind for kind, _ in _ROUTES)


class Answer:
    """What goes back. `document` is the JSON before it becomes bytes; a body
    that is set wins. `delivery` is the way in which server.py sends it, and
    after the `last` one it closes."""

    def __init__(self, status, document=None, headers=None, body=None):
        self.status = status
        self.document = document
        self.headers = {"Content-Type": "application/json"}
        self.headers.update(headers or {})
        self.body = body
        self.delivery = ("whole", {})
        self.last = False

    def text(self):
        if self.body is not None:
            return self.body
        if self.document is None:
            return b""
        return json.dumps(self.document).encode()


def error(status, message, code=None, param=None, headers=None,
          kind="invalid_request_error"):
    return Answer(status, {"error": {"message": message, "type": kind,
                                     "param": param, "code": code}}, headers)


def not_found():
    """Neither text nor code of the API's 404 is documented."""
    return error(404, "Resource not found.")


def missing_scope(status):
    return error(status, "You have insufficient permissions for this operation."
                 " Missing scopes: api.management.read. Check that you have the"
                 " correct role in your organization, and if you're using a"
                 " restricted API key, that it has the necessary scopes.")


def wrong_key(key):
    """Like the real one, this echoes a part of the key."""
    shown = f"{key[:8]}****{key[-4:]}" if len(key) > 16 else "****"
    return error(401, f"Incorrect API key provided: {shown}. You can find your"
                 " API key at https://platform.openai.com/account/api-keys.",
                 "invalid_api_key")


class Request:
    """One request as it came, with what the route makes of it."""

    def __init__(self, method, target, headers, prefix):
        self.method = method
        self.raw_path, _, self.raw_query = target.partition("?")
        self.headers = headers
        self.pairs = urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True)
        self.below = None
        self.endpoint, self.names = "unknown", ()
        if self.raw_path.startswith(prefix + "/"):
            self.below = self.raw_path[len(prefix):]
            self._route()

    def _route(self):
        for kind, regex in _ROUTES:
            match = regex.fullmatch(self.below)
            if match is not None:
                self.endpoint = kind
                self.names = tuple(urllib.parse.unquote(name)
                                   for name in match.groups())
                return

    def query(self):
        """The last value of each parameter."""
        return dict(self.pairs)

    def emails(self):
        """With brackets only: whether the API reads `emails=` is not known,
        and the contract fears that it does not."""
        return [value for name, value in self.pairs if name == "emails[]"]

    def drop(self, name):
        """As if the parameter had not been sent."""
        self.pairs = [pair for pair in self.pairs if pair[0] != name]

    def key(self):
        """The bearer key, or None."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" and key.strip() else None


class Api:
    def __init__(self, live, limiter):
        self._live = live
        self._limiter = limiter

    def answer(self, request):
        refusal = self._refuse(request, self._live.current())
        return self.read(request) if refusal is None else refusal

    def read(self, request):
        """The answer to whoever may ask."""
        reader = getattr(self, "_" + request.endpoint.replace("-", "_"))
        try:
            return reader(request, self._live.current(), *request.names)
        except PageError as problem:
            return error(400, str(problem), param=problem.param)

    def key_word(self, request):
        """What the request log says of the key."""
        key = request.key()
        if key is None:
            return "absent"
        if key == self._live.current().admin_key:
            return "admin"
        return "project" if _project_key(key) else "wrong"

    def _refuse(self, request, organization):
        if request.method != "GET":
            return error(405, f"Not allowed to {request.method} on this simulated,"
                         " read-only API.", "method_not_supported",
                         headers={"Allow": "GET"})
        key = request.key()
        if key is None:
            return error(401, "You didn't provide an API key. You need to provide"
                         " your API key in an Authorization header using Bearer auth.")
        if _project_key(key):
            return missing_scope(401)
        if key != organization.admin_key:
            return wrong_key(key)
        if request.headers.get("openai-organization", organization.id) != organization.id:
            return error(401, "OpenAI-Organization header should match organization"
                         " for API key", "mismatched_organization")
        refused = self._limiter.take(request.endpoint)
        if refused is not None:
            headers, message = refused
            return error(429, message, "rate_limit_exceeded", headers=headers)
        return None

    @staticmethod
    def _unknown(request, organization):
        return error(404, f"Invalid URL (GET {request.raw_path})")

    @staticmethod
    def _found(row):
        return not_found() if row is None else Answer(200, row)

    def _users(self, request, organization):
        roster = organization.filtered(request.emails())
        return Answer(200, dialect_a(roster, request.query(),
                                     lambda ident, _: organization.user(ident)))

    def _user(self, request, organization, ident):
        return self._found(organization.user(ident))

    def _projects(self, request, organization):
        hidden = []
        if request.query().get("include_archived", "false").lower() != "true":
            hidden = [ident for ident in organization.projects.named()
                      if self._archived(organization, ident)]
        return Answer(200, dialect_a(organization.projects.hiding(hidden),
                                     request.query(), lambda _, project: project[0]))

    @staticmethod
    def _archived(organization, ident):
        return organization.projects.value(ident)[0]["status"] == "archived"

    def _project(self, request, organization, ident):
        project = organization.projects.value(ident)
        return self._found(project and project[0])

    def _project_users(self, request, organization, ident):
        project = organization.projects.value(ident)
        if project is None:
            return not_found()
        if self._archived(organization, ident):
            return error(400, "Project is archived.")
        return Answer(200, dialect_a(project[1], request.query(),
                                     organization.project_user))

    def _project_user(self, request, organization, ident, who):
        project = organization.projects.value(ident)
        role = project and project[1].value(who)
        if not role:
            return not_found()
        return Answer(200, organization.project_user(who, role))

    def _groups(self, request, organization):
        return Answer(200, dialect_b(organization.groups, request.query(),
                                     lambda _, group: group[0], "groups", "asc"))

    def _group(self, request, organization, ident):
        group = organization.groups.value(ident)
        return self._found(group and group[0])

    def _group_users(self, request, organization, ident):
        group = organization.groups.value(ident)
        if group is None:
            return not_found()
        return Answer(200, dialect_b(group[1], request.query(),
                                     lambda who, _: organization.group_user(who),
                                     f"group-users/{ident}", "desc"))

    def _group_user(self, request, organization, ident, who):
        group = organization.groups.value(ident)
        if group is None or group[1].value(who) is None:
            return not_found()
        return Answer(200, organization.group_member(who))

    def _admin_keys(self, request, organization):
        return Answer(200, dialect_a(organization.admin_keys, request.query(),
                                     lambda _, row: row))

    def _invites(self, request, organization):
        return Answer(200, dialect_a(organization.invites, request.query(),
                                     lambda _, row: row))

    def _invite(self, request, organization, ident):
        return self._found(organization.invites.value(ident))


def _project_key(key):
    return key.startswith(("sk-proj-", "sk-svcacct-"))
