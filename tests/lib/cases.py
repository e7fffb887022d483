"""All combinations of small directories, policies, ages and failures, for
the oracle and for build/decide (tests/lib/decide.c says how a case is spelled).

    for name, family in FAMILIES:
        for policy, cache, kind, facts in family(): ...

Batch collects a family's cases as text, with what must come out of each.
"""

import itertools
import subprocess

import oracle
from oracle import ABSENT, ID, Cache, Fact, Known, Policy, Row

PRODUCT = itertools.product
MAP = {"bob": ID}
SUBJECTS = {"mail": (b"ann", oracle.MAIL), "id": (b"bob", ID)}
API, MIRROR = Cache(), Cache(mirror=True)
# negative_ttl may be the longer one, and both may be 0.
CACHES = (API, MIRROR, Cache(negative=0, stale=0), Cache(negative=1200), Cache(mirror=True, stale=0))


def _words(key, values):
    return f"{key} = {' '.join(values)}|" if values else ""


def conf(policy, cache, template="%u@example.com"):
    url = "none" if cache.mirror else "https://api.example.com/v1"
    return (f"[api]|base_url = {url}|" + (f"[identity]|email = {template}|" if template else "") +
            f"[cache]|ttl = {cache.ttl}s|negative_ttl = {cache.negative}s|stale_ttl = {cache.stale}s|"
            "[policy p]|" + _words("role", policy.role) +
            "".join(_words("project", line) for line in policy.project) +
            _words("project_role", policy.project_role) +
            "".join(_words("group", line) for line in policy.group) +
            ("owner_is_member = yes|" if policy.owner_is_member else "") +
            ("allow_service_accounts = yes|" if policy.service_accounts else ""))


def _what(what):
    if what is None:
        return ""
    if isinstance(what, Row):
        return "+" + ",".join(what)
    return what if what == ABSENT else "!" + what


def _spell(fact):
    store = [_what(known.what) + f"@{known.age}" if known else "" for known in (fact.list, fact.single)]
    return "/".join((*store, _what(fact.answer)))


class Batch:
    """Cases as build/decide reads them, and the outcome that each must have."""

    def __init__(self):
        self.lines = ["map " + "".join(f"{name} {target}|" for name, target in MAP.items())]
        self.want = []
        self.cases = []  # (configuration, case) of each
        self._conf = None
        self._spelled = {}

    def configure(self, text):
        if text != self._conf:
            self._conf = text
            self.lines.append("conf " + text)

    def add(self, name, subject, facts, reason, rounds):
        words = [f"{key}={self._spelled.get(fact) or self._keep(fact)}" for key, fact in facts.items()]
        line = f"p {name.hex() or '-'} {subject or '-'} {' '.join(words)}"
        self.lines.append(line)
        self.cases.append((self._conf, line))
        self.want.append(f"{oracle.VERDICTS[reason]} {reason} {rounds}")

    def _keep(self, fact):
        self._spelled[fact] = _spell(fact)
        return self._spelled[fact]

    def case(self, policy, cache, kind, facts):
        self.configure(conf(policy, cache))
        self.add(*SUBJECTS[kind], facts, *oracle.decide(policy, cache, kind, facts))

    def text(self):
        return "\n".join(self.lines) + "\n"

    def run(self, program):
        """[(configuration, case, got, wanted)] of all that differ."""
        done = subprocess.run([program], input=self.text(), capture_output=True, text=True, timeout=300, check=False)
        got = done.stdout.splitlines()
        if done.returncode != 0 or len(got) != len(self.want):
            return [("", "all", f"status {done.returncode}, {len(got)} lines: {done.stderr[-500:]}", len(self.want))]
        return [(*case, had, want) for case, had, want in zip(self.cases, got, self.want) if had != want]


def said(what):
    """A fact that only the API knows."""
    return Fact(answer=what)


def fresh(what):
    return Fact(list=Known(what, 0), answer="network")


STRANGER = Row(id="user-2", email="bob@example.com", role="owner")
ROLES = ("", "owner", "reader", "Owner", "owners")
NO_INVITE = said(ABSENT)


def _users():
    """What may be said of the person."""
    yield ABSENT
    yield from ("timeout", "network", "rate-limited", "server-error", "protocol", "store", "credential",
                "unsafe-file", "config", "out-of-memory")
    yield from ("ok", "not-a-member", "exempt-user", "role")  # no failures: nothing is known
    yield None  # no answer at all
    for role, flags in PRODUCT(ROLES, ("", "d", "s", "ds", "a", "da", "sa")):
        yield Row(role=role, flags=flags)
    yield STRANGER
    yield STRANGER._replace(flags="d")
    yield Row(email="", role="owner")
    yield Row(email="ANN@Example.COM", role="owner")
    yield Row(id="USER-1", role="owner")
    yield Row(id="user-10", role="owner")
    yield Row(email="nn@example.com", role="owner")
    yield Row(email="ann@example.com.org", role="owner")


def _invites():
    yield from (ABSENT, "timeout", "ok", None, Row(id="invite-1"), Row(id="invite-1", flags="a"),
                Row(id="invite-2", email="bob@example.com"), Row(id="invite-1", email=""))


def persons():
    """Whoever it is, however the policy takes him, answered or known."""
    some = [Policy(role=role, group=group, project=project, owner_is_member=owner, service_accounts=service)
            for role, group, project, owner, service
            in PRODUCT(((), ("owner",), ("reader", "owner"), ("x",)), ((), (("g",),)), ((), (("a",),)),
                       (False, True), (False, True)) if role or group or project]
    for policy, user, invite, kind, how in PRODUCT(some, tuple(_users()), tuple(_invites()), SUBJECTS, (said, fresh)):
        if how is fresh and not (user == ABSENT or isinstance(user, Row)):
            continue
        if user != ABSENT and invite is not ABSENT and invite is not None:
            continue  # nobody asks
        yield policy, API, kind, {"u": how(user), "i": said(invite), "p.a": said(Row(role="member")),
                                  "g.g": said(Row())}


SOME_USERS = (Row(), Row(role="owner"), Row(role="reader"), Row(role="reader", flags="d"),
              Row(role="owner", flags="s"), STRANGER, ABSENT, "timeout", "credential")
IN_PROJECT = (ABSENT, Row(role="owner"), Row(role="member"), Row(), Row(role="owner", flags="ds"),
              STRANGER, Row(email="", role="owner"), Row(id="user-2", email="", role="owner"),
              Row(role="owner", flags="a"), "network", "role")


def projects():
    """Up to two projects, on one line or two."""
    lines = ((("a",),), (("a", "b"),), (("b",), ("a",)), (("a", "b"), ("b",)))
    for role, line, project_role, owner, kind in PRODUCT(
            ((), ("owner",), ("reader", "owner")), lines, ((), ("owner",), ("member", "owner")), (False, True), SUBJECTS):
        policy = Policy(role=role, project=line, project_role=project_role, owner_is_member=owner)
        others = IN_PROJECT if len(line) > 1 or len(line[0]) > 1 else (ABSENT,)
        for user, one, other in PRODUCT(SOME_USERS, IN_PROJECT, others):
            yield policy, API, kind, {"u": said(user), "i": NO_INVITE, "p.a": said(one), "p.b": said(other)}


def three_projects():
    """A line of two and a line of one: what is true of one line and not of
    the other."""
    some = (ABSENT, Row(role="owner"), Row(role="member"), "network", STRANGER)
    for project_role, owner, user, where in PRODUCT(((), ("owner",)), (False, True), SOME_USERS,
                                                     tuple(PRODUCT(some, repeat=3))):
        for line in ((("a", "b"), ("c",)), (("c",), ("a", "b"))):
            policy = Policy(project=line, project_role=project_role, owner_is_member=owner)
            yield policy, API, "mail", {"u": said(user), "i": NO_INVITE,
                                        **{"p." + name: said(what) for name, what in zip("abc", where)}}


IN_GROUP = (ABSENT, Row(), Row(role="owner"), STRANGER, Row(flags="a"), Row(email=""), Row(flags="ds"),
            Row(id="user-2", email=""), "timeout", "exempt-user")


def groups():
    lines = ((("g",),), (("g", "h"),), (("h",), ("g",)), (("g", "h"), ("h",)))
    for role, line, owner, kind in PRODUCT(((), ("owner",)), lines, (False, True), SUBJECTS):
        policy = Policy(role=role, group=line, owner_is_member=owner)
        for user, one, other in PRODUCT(SOME_USERS, IN_GROUP, IN_GROUP):
            yield policy, API, kind, {"u": said(user), "i": NO_INVITE, "g.g": said(one), "g.h": said(other)}


def both():
    """Projects and groups, of one id too: a project is no group."""
    places = (ABSENT, Row(role="owner"), Row(role="member"), STRANGER, "network")
    for role, project_role, owner, service in PRODUCT(((), ("reader",)), ((), ("owner",)), (False, True),
                                                      (False, True)):
        policy = Policy(role, (("a",), ("b",)), project_role, (("a", "h"),), owner, service)
        for user, a, b, g, h in PRODUCT(SOME_USERS, places, places, places, places):
            yield policy, API, "mail", {"u": said(user), "i": NO_INVITE, "p.a": said(a), "p.b": said(b),
                                        "g.a": said(g), "g.h": said(h)}


def _ages(cache):
    """On either side of every border."""
    borders = {0, cache.ttl, cache.ttl + cache.stale, cache.negative, cache.negative + cache.stale}
    return sorted({age + step for age in borders for step in (-1, 0, 1) if age + step >= 0})


GONE = Row(role="reader", flags="d")


def ages():
    """One fact, at every age, in a list, alone, in both."""
    answers = (Row(role="owner"), Row(), ABSENT, "network", "credential", "timeout", "out-of-memory", None)
    for cache in CACHES:
        known = [None] + [Known(what, age) for what, age in PRODUCT((Row(role="owner"), GONE, ABSENT), _ages(cache))]
        for listed, single, answer, invite in PRODUCT(known, known, answers, (ABSENT, Row(id="invite-1"))):
            if invite == ABSENT or ABSENT in (answer, getattr(listed, "what", 0), getattr(single, "what", 0)):
                yield Policy(role=("owner",)), cache, "mail", {"u": Fact(listed, single, answer), "i": said(invite)}


def _some_facts(cache, row, wrong):
    """Fresh, stale, expired; there, not there, wrong; answered or not."""
    late, gone = cache.ttl, cache.ttl + cache.stale
    yield Fact(Known(row, late - 1), None, ABSENT)
    yield Fact(Known(ABSENT, 0), None, row)
    yield Fact(Known(ABSENT, max(cache.negative - 1, 0)), None, row)
    yield Fact(Known(ABSENT, cache.negative), None, row)
    yield Fact(Known(ABSENT, cache.negative), None, "timeout")
    for age, answer in PRODUCT((late, gone - 1, gone), (row, wrong, ABSENT, "server-error")):
        yield Fact(Known(row, age), None, answer)
    yield Fact(Known(wrong, late), None, "credential")
    yield Fact(None, Known(row, late), "rate-limited")
    yield Fact(Known(row, late + 1), Known(ABSENT, late), "rate-limited")
    yield Fact(Known(ABSENT, late + 1), Known(row, late), "rate-limited")
    yield said(row)
    yield said("network")


def ages_of_three():
    """Person, project and group, each of an age and state of its own."""
    policies = (Policy(("owner",), (("a",),), (), (("g",),)),
                Policy((), (("a",),), ("owner",), (("g",),), True),
                Policy((), (("a",),), ("member", "owner"), (("g",),), True, True))
    for cache, policy in PRODUCT(CACHES[:4], policies):
        users = tuple(_some_facts(cache, Row(role="owner"), Row(role="reader")))
        project = tuple(_some_facts(cache, Row(role="owner"), Row(role="viewer")))
        group = tuple(_some_facts(cache, Row(), STRANGER))
        for u, p, g in PRODUCT(users, project, group):
            yield policy, cache, "mail", {"u": u, "i": NO_INVITE, "p.a": p, "g.g": g}


def ages_of_invites():
    for cache in CACHES:
        for user, invite in PRODUCT((said(ABSENT), fresh(ABSENT), Fact(Known(ABSENT, cache.negative), None, ABSENT),
                                     Fact(Known(Row(), cache.ttl), None, ABSENT)),
                                    tuple(_some_facts(cache, Row(id="invite-1"), STRANGER))):
            yield Policy(role=("reader",)), cache, "mail", {"u": user, "i": invite}


FAMILIES = (
    ("persons", persons),
    ("one or two projects", projects),
    ("two of three projects", three_projects),
    ("groups", groups),
    ("projects and groups", both),
    ("one fact of every age", ages),
    ("three facts of every age", ages_of_three),
    ("invitations of every age", ages_of_invites),
)


def batch(family):
    made = Batch()
    for case in family():
        made.case(*case)
    return made


LOCAL_NAMES = (
    b"", b"ann", b"ANN", b"bob", b"Bob", b"-ann", b"a-nn", b"a/b", b"../ann", b"a b", b" ann", b"ann ", b"a%b", b"%u",
    b"a\x01", b"a\tb", b"a\nb", b"a\x7f", b"a\xc2\x85", b"\xff", b"a\xc0\xaf", b"\xed\xa0\x80", "é".encode(),
    b"ann@example.com", b"ANN@EXAMPLE.COM", b"a@b@c", b"@b", b"a@", b"@", b"a" * 308, b"a" * 309, b"a" * 320,
    b"a" * 321, b"a" * 314 + b"@b.org", b".", b"..", b"ann\xe2\x80\x8b")


def identities():
    """Local names, not people: what of them reaches the directory, and as
    whom. The row there is ann's."""
    made = Batch()
    facts = {"u": said(Row(role="owner")), "i": NO_INVITE}
    policy = Policy(role=("owner",))
    for template, name in PRODUCT(("%u@example.com", "%u", None), LOCAL_NAMES):
        made.configure(conf(policy, API, template))
        kind, subject = oracle.identity(name, template, MAP)
        if subject is None:
            reason, rounds = kind, 0
        else:
            rounds = 1
            reason = "ok" if subject == (oracle.MAIL if kind == "mail" else ID) else "protocol"
        made.add(name, subject, facts, reason, rounds)
    return made
