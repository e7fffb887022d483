"""The organization: a JSON document becomes rows that the API can answer with.

README.md describes the document. A key that is not known here is an error, so
that a misspelt test fails instead of testing nothing. An Organization is never
changed once built; live.py puts a new one in its place.
"""

from roster import Block, Roster, fold, identifier

SOME_TIME = 1711471533

_TOP = {"name", "id", "admin_key", "defaults", "users", "generate", "projects",
        "groups", "invites", "admin_keys", "emails_filter", "owners_in_projects", "comment"}
_DEFAULTS = {"role", "added_at"}
_FLAGS = {"is_service_account", "is_scim_managed", "is_default", "created"}
_NESTED = ("enabled", "banned", "banned_at")
_USER = {"id", "email", "name", "role", "added_at", "omit", "extra",
         "comment"} | _FLAGS | set(_NESTED)
_GENERATE = {"users", "pattern", "id", "first", "role", "projects", "groups",
             "without", "comment"}
_PROJECT = {"id", "name", "archived", "created_at", "members", "extra", "comment"}
_GROUP = {"id", "name", "created_at", "is_scim_managed", "group_type", "members",
          "comment"}
_ADMIN_KEY = {"id", "name", "key", "redacted_value", "created_at", "expires_at",
              "extra", "comment"}
_INVITE = {"id", "email", "role", "status", "created_at", "expires_at",
           "accepted_at", "projects", "extra", "comment"}


class OrganizationError(ValueError):
    """The document is wrong; the text says where."""


def _check(entry, known, where):
    if not isinstance(entry, dict):
        raise OrganizationError(f"{where}: want an object, not {entry!r}")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise OrganizationError(f"{where}: unknown key {unknown[0]!r}; known are "
                                + ", ".join(sorted(known)))


def _entries(document, key, known):
    """Each checked object of a list with the words that point at it."""
    entries = document.get(key, [])
    if not isinstance(entries, list):
        raise OrganizationError(f"{key}: want a list, not {entries!r}")
    for i, entry in enumerate(entries):
        _check(entry, known, f"{key}[{i}]")
        yield f"{key}[{i}]", entry


def _title(address):
    words = address.split("@")[0].replace(".", " ").replace("-", " ").split()
    return " ".join(word.capitalize() for word in words)


class Organization:
    """One state of the directory. users, projects, groups and invites are
    Rosters: of rows (or the Block that makes them), projects, groups, rows."""

    def __init__(self, document):
        _check(document, _TOP, "organization")
        self.document = document
        self.admin_key = document.get("admin_key", "")
        if not self.admin_key.startswith("sk-admin-"):
            raise OrganizationError("admin_key: want one that begins with sk-admin-")
        self.id = document.get("id") or "org-" + identifier(document.get("name", ""), 24)
        self._filter = document.get("emails_filter", "fold")
        if self._filter not in ("fold", "exact", "ignored"):
            raise OrganizationError("emails_filter: want fold, exact or ignored")
        self._defaults = document.get("defaults", {})
        _check(self._defaults, _DEFAULTS, "defaults")
        self._by_email = {}
        self._blocks = []
        self._generated = [self._read_block(where, entry) for where, entry
                           in _entries(document, "generate", _GENERATE)]
        self.users = self._read_users()
        self.projects = self._read_projects()
        self.groups = self._read_groups()
        self.invites = self._read_invites()
        self.admin_keys = self._read_admin_keys()

    # People.

    def _read_block(self, where, entry):
        pattern = entry.get("pattern", "user%04d@example.com")
        ident = entry.get("id", f"user-{identifier(pattern, 8)}%016d")
        role = entry.get("role", self._defaults.get("role", "reader"))
        try:
            block = Block(int(entry["users"]), entry.get("first", 1), pattern,
                          ident, role)
        except (KeyError, ValueError, TypeError) as error:
            raise OrganizationError(f"{where}: {error!r}") from error
        for who in entry.get("without", []):
            if not block.leave_out(who):
                raise OrganizationError(f"{where}: without: no {who!r} here")
        self._blocks.append(block)
        return block, entry

    def entry_ident(self, entry, where):
        """The id of an entry of users, given or made from the address."""
        if "id" in entry:
            return entry["id"]
        address = entry.get("email")
        if not address:
            raise OrganizationError(f"{where}: without an email it needs an id")
        for block in self._blocks:
            ident = block.with_email(fold(address))
            if ident is not None:
                return ident
        return "user-" + identifier(fold(address), 24)

    def _read_users(self):
        named = {}
        for where, entry in _entries(self.document, "users", _USER):
            ident = self.entry_ident(entry, where)
            if ident in named:
                raise OrganizationError(f"{where}: the id {ident} is there already")
            named[ident] = self._user_row(ident, entry)
            address = entry.get("email")
            if address:
                self._by_email.setdefault(fold(address), []).append(ident)
        return Roster(named, [(block, block) for block in self._blocks])

    def _user_row(self, ident, entry):
        address = entry.get("email")
        row = {
            "object": "organization.user",
            "id": ident,
            "name": entry.get("name", _title(address or "nobody")),
            "email": address,
            "role": entry.get("role", self._defaults.get("role", "reader")),
            "added_at": entry.get("added_at",
                                  self._defaults.get("added_at", SOME_TIME)),
        }
        if any(key in entry for key in _NESTED):
            row["user"] = {"object": "user", "id": ident, "email": address,
                           "name": row["name"], "picture": None}
            row["user"].update({k: entry[k] for k in _NESTED if k in entry})
        row.update({key: entry[key] for key in sorted(_FLAGS) if key in entry})
        row.update(entry.get("extra", {}))
        for key in entry.get("omit", []):
            row.pop(key, None)
        return row

    def user(self, ident):
        """The row of a person, or None."""
        value = self.users.value(ident)
        if isinstance(value, Block):
            return self._user_row(ident, {"email": value.email_of(ident),
                                          "role": value.role})
        return value

    def _with_email(self, folded):
        found = list(self._by_email.get(folded, []))
        for block in self._blocks:
            ident = block.with_email(folded)
            if ident is not None and ident not in found \
                    and isinstance(self.users.value(ident), Block):
                found.append(ident)
        return found

    def filtered(self, emails):
        """The users whom the emails[] filter lets through. Whether the API
        folds case there is not known: `emails_filter` of the document."""
        if not emails or self._filter == "ignored":
            return self.users
        named = {}
        for wanted in emails:
            for ident in self._with_email(fold(wanted)):
                if self._filter == "fold" or self.user(ident).get("email") == wanted:
                    named[ident] = True
        return Roster(named)

    def ident(self, who):
        """The id of somebody named by id or address."""
        if self.users.place(who) is not None:
            return who
        found = self._with_email(fold(who))
        if len(found) != 1:
            raise OrganizationError(
                ("nobody" if not found else "more than one") + f" here is {who!r}")
        return found[0]

    def leave_out(self, document, ident):
        """Writes into a document that a generated person has left."""
        for (block, _), source in zip(self._generated, document.get("generate", [])):
            if block.offset_of(ident) is not None:
                source.setdefault("without", []).append(ident)

    # Projects, groups and invites.

    def _members(self, members, blocks, where):
        """members: who -> value; "*" is everybody, null is "not this one"."""
        named = {}
        for who, value in members.items():
            try:
                if who != "*":
                    named[self.ident(who)] = value
            except OrganizationError as error:
                raise OrganizationError(f"{where}: {error}") from error
        everybody = members.get("*")
        if everybody is not None:
            for ident in self.users.named():
                named.setdefault(ident, everybody)
            blocks = [(block, everybody) for block in self._blocks]
        return named, blocks

    def _read_projects(self):
        projects = {}
        for where, entry in _entries(self.document, "projects", _PROJECT):
            if not entry.get("id"):
                raise OrganizationError(f"{where}: want an id")
            ident = entry["id"]
            blocks = [(block, source["projects"][ident])
                      for block, source in self._generated
                      if ident in source.get("projects", {})]
            named, blocks = self._members(entry.get("members", {}), blocks, where)
            # Whether owners are rows of every project is not known.
            if self.document.get("owners_in_projects"):
                for owner in self.users.named():
                    if self.user(owner).get("role") == "owner":
                        named.setdefault(owner, "owner")
            roster = Roster({}) if entry.get("archived") else Roster(named, blocks)
            projects[ident] = (self._project_row(ident, entry), roster)
        return Roster(projects)

    @staticmethod
    def _project_row(ident, entry):
        archived = bool(entry.get("archived"))
        created = entry.get("created_at", SOME_TIME)
        row = {
            "id": ident,
            "object": "organization.project",
            "name": entry.get("name", ident),
            "created_at": created,
            "archived_at": created + 86400 if archived else None,
            "status": "archived" if archived else "active",
        }
        row.update(entry.get("extra", {}))
        return row

    def project_user(self, ident, role):
        user = self.user(ident)
        row = {"object": "organization.project.user", "id": ident}
        row.update({key: user[key] for key in ("name", "email") if key in user})
        row.update({"role": role, "added_at": user.get("added_at", SOME_TIME)})
        return row

    def _read_groups(self):
        groups = {}
        for where, entry in _entries(self.document, "groups", _GROUP):
            if not entry.get("id"):
                raise OrganizationError(f"{where}: want an id")
            ident = entry["id"]
            members = entry.get("members", [])
            if isinstance(members, list):
                members = dict.fromkeys(members, True)
            blocks = [(block, True) for block, source in self._generated
                      if ident in source.get("groups", [])]
            named, blocks = self._members(members, blocks, where)
            row = {
                "object": "group",
                "id": ident,
                "name": entry.get("name", ident),
                "created_at": entry.get("created_at", SOME_TIME),
                "is_scim_managed": entry.get("is_scim_managed", False),
                "group_type": entry.get("group_type", "group"),
            }
            groups[ident] = (row, Roster(named, blocks))
        return Roster(groups)

    def group_user(self, ident):
        user = self.user(ident)
        return {"id": ident, "name": user.get("name") or "",
                "email": user.get("email")}

    def group_member(self, ident):
        row = self.group_user(ident)
        row.update({
            "picture": None,
            "is_service_account": self.user(ident).get("is_service_account", False),
            "user_type": "user",
        })
        return row

    def _read_invites(self):
        rows = {}
        for where, entry in _entries(self.document, "invites", _INVITE):
            if not entry.get("email"):
                raise OrganizationError(f"{where}: want an email")
            ident = entry.get("id") or "invite-" + identifier(fold(entry["email"]), 24)
            created = entry.get("created_at", SOME_TIME)
            row = {
                "object": "organization.invite",
                "id": ident,
                "email": entry["email"],
                "role": entry.get("role", "reader"),
                "status": entry.get("status", "pending"),
                "created_at": created,
                "expires_at": entry.get("expires_at", created + 7 * 86400),
                "accepted_at": entry.get("accepted_at"),
                "projects": [{"id": project, "role": role} for project, role
                             in entry.get("projects", {}).items()],
            }
            row.update(entry.get("extra", {}))
            rows[ident] = row
        return Roster(rows)

    def _read_admin_keys(self):
        """Without entries: the key in use, which never expires."""
        rows = {}
        document = self.document
        if "admin_keys" not in document:
            document = {"admin_keys": [{"name": "The gate", "key": self.admin_key}]}
        for where, entry in _entries(document, "admin_keys", _ADMIN_KEY):
            key = entry.get("key", "")
            shown = entry.get("redacted_value", f"{key[:8]}...{key[-3:]}")
            if not key and "redacted_value" not in entry:
                raise OrganizationError(f"{where}: want a key or a redacted_value")
            ident = entry.get("id") or "key_" + identifier(f"{key} {shown}", 24)
            rows[ident] = {
                "object": "organization.admin_api_key",
                "id": ident,
                "name": entry.get("name"),
                "redacted_value": shown,
                "created_at": entry.get("created_at", SOME_TIME),
                "expires_at": entry.get("expires_at"),
                "last_used_at": SOME_TIME,
                "owner": {"type": "user", "object": "organization.user",
                          "id": "user-owner", "name": "Owner",
                          "created_at": SOME_TIME, "role": "owner"},
            }
            rows[ident].update(entry.get("extra", {}))
        return Roster(rows)
