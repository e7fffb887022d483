"""The organization as it is now: a file, re-read when it changes, and changes
made through the control interface.

A change made there lives in memory only; when the file changes after it, the
file wins as a whole.
"""

import copy
import json
import os
import sys
import threading

from organization import Organization, OrganizationError
from roster import fold


def merge(target, patch):
    """JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


class Live:
    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._now = self._read()

    def _stamp(self):
        try:
            stat = os.stat(self._path)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns

    def _read(self):
        with open(self._path, encoding="utf-8") as file:
            return Organization(json.load(file))

    def current(self):
        """The newest good state. A file that is missing or wrong, perhaps
        because it is being written, leaves the last one in force."""
        stamp = self._stamp()
        if stamp == self._seen or stamp is None:
            return self._now
        with self._lock:
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._now = self._read()
                except (OSError, ValueError) as error:
                    print(f"openai_sim: {self._path}: {error}; the last good"
                          " organization stays in force", file=sys.stderr, flush=True)
            return self._now

    def replace(self, document):
        with self._lock:
            self._now = Organization(document)

    def patch(self, patch):
        with self._lock:
            self._now = Organization(merge(self._now.document, patch))

    def edit(self, verb, *arguments):
        """verb(document, organization, *arguments) changes a copy."""
        self.current()
        with self._lock:
            document = copy.deepcopy(self._now.document)
            verb(document, self._now, *arguments)
            self._now = Organization(document)


# Verbs. `who` is an id or an address.


def _names(organization, key, ident):
    """Whether `key` of a members table means this person."""
    try:
        return key != "*" and organization.ident(key) == ident
    except OrganizationError:
        return False


def _entry_of(document, organization, ident):
    """A person's own entry in users, or None."""
    for entry in document.get("users", []):
        if organization.entry_ident(entry, "users") == ident:
            return entry
    return None


def put_user(document, organization, who, fields):
    """Changes a person's fields, or adds the person."""
    try:
        ident = organization.ident(who)
    except OrganizationError:
        key = "email" if "@" in who else "id"
        document.setdefault("users", []).append({key: who, **fields})
        return
    entry = _entry_of(document, organization, ident)
    if entry is None:
        # A generated person, who is named from now on.
        row = organization.user(ident)
        entry = {"id": ident, "email": row["email"], "role": row["role"]}
        document.setdefault("users", []).append(entry)
    if "email" in fields:
        # The id is the person; the address is only what they are called.
        entry["id"] = ident
        _rename(document, organization, ident)
    entry.update(fields)


def _rename(document, organization, ident):
    """Members tables speak of the id, whatever the person is called next."""
    for container in document.get("projects", []) + document.get("groups", []):
        members = container.get("members", {})
        if isinstance(members, list):
            container["members"] = [ident if _names(organization, key, ident) else key
                                    for key in members]
        else:
            container["members"] = {
                (ident if _names(organization, key, ident) else key): value
                for key, value in members.items()}


def remove_user(document, organization, who):
    """The person leaves: every membership goes too."""
    ident = organization.ident(who)
    _rename(document, organization, ident)
    for container in document.get("projects", []) + document.get("groups", []):
        members = container.get("members", {})
        if isinstance(members, list) and ident in members:
            members.remove(ident)
        elif isinstance(members, dict):
            members.pop(ident, None)
    entry = _entry_of(document, organization, ident)
    if entry is not None:
        document["users"].remove(entry)
    organization.leave_out(document, ident)


def _container(document, key, ident):
    for entry in document.get(key, []):
        if entry.get("id") == ident:
            return entry
    raise OrganizationError(f"{key}: none is {ident!r}")


def put_member(document, organization, key, container, who, value):
    """A project's role, a group's True, or None to take the person out."""
    ident = organization.ident(who)
    entry = _container(document, key, container)
    members = entry.get("members", {})
    if isinstance(members, list):
        members = dict.fromkeys(members, True)
    members = {name: old for name, old in members.items()
               if not _names(organization, name, ident)}
    # None hides somebody who belongs through "*" or a generated block.
    members[ident] = value
    entry["members"] = members


def put_container(document, organization, key, ident, fields):
    """Changes a project or group, or adds it."""
    try:
        _container(document, key, ident).update(fields)
    except OrganizationError:
        document.setdefault(key, []).append({"id": ident, **fields})


def remove_container(document, organization, key, ident):
    document[key].remove(_container(document, key, ident))


def put_invite(document, organization, email, fields):
    for entry in document.setdefault("invites", []):
        if fold(entry["email"]) == fold(email):
            entry.update(fields)
            return
    document["invites"].append({"email": email, **fields})


def remove_invite(document, organization, email):
    left = [entry for entry in document.get("invites", [])
            if fold(entry["email"]) != fold(email)]
    if len(left) == len(document.get("invites", [])):
        raise OrganizationError(f"invites: none is for {email!r}")
    document["invites"] = left
