"""What must be decided, said a second time: from gate.conf(5) and the
contract in common/meaning/policy.h, without a look at the engine.

    policy = Policy(role=("owner",), project=(("proj_a",),))
    reason, rounds = decide(policy, Cache(), "mail", {"u": Fact(answer=Row(role="owner")), ...})

A requirement is met, certainly not met, or unknown. The first that is
certainly not met gives the reason; else the first that is unknown; else "ok".

Where the documents leave it open, this is what was chosen:

* An age equal to ttl, negative_ttl or ttl + stale_ttl is past it, so that 0
  means never.
* The younger of list and single speaks, whatever it says, and however long
  either may serve; of two of one age the list.
* What the organization's own row says of an account counts; a project's or
  group's row says no more than membership and, for projects, a role.
* Whoever is named by an id has no invitation: it is made out to an address.
* With facts of different times the certain denial that is known wins, even
  when a question not asked yet might have given another one.
"""

from collections import namedtuple

# Reasons that say "cannot know"; any other, of a failure, is a broken answer.
FAILURES = frozenset((
    "timeout", "network", "rate-limited", "server-error", "protocol", "store",
    "config", "no-policy", "unsafe-file", "credential", "out-of-memory"))

VERDICTS = {
    "ok": "allow",
    **dict.fromkeys(("not-a-member", "role", "project", "project-role", "group", "account-disabled",
                     "service-account", "invite-pending", "no-identity", "bad-name"), "deny"),
    **dict.fromkeys(("timeout", "network", "rate-limited", "server-error", "protocol", "store"), "unavailable"),
    **dict.fromkeys(("config", "no-policy", "unsafe-file", "credential"), "misconfigured"),
    "out-of-memory": "out-of-memory",
}

MAIL, ID = "ann@example.com", "user-1"

Policy = namedtuple("Policy", "role project project_role group owner_is_member service_accounts",
                    defaults=((), (), (), (), False, False))
Cache = namedtuple("Cache", "ttl negative stale mirror", defaults=(600, 60, 3600, False))
Row = namedtuple("Row", "id email role flags", defaults=(ID, MAIL, "", ""))
ABSENT = "-"  # beside a Row, and a failure's reason
Known = namedtuple("Known", "what age")  # in the store: a Row or ABSENT
Fact = namedtuple("Fact", "list single answer", defaults=(None, None, None))

MET = None  # of a requirement; else ("no", reason) or ("unknown", reason)
NOT_ASKED = ("unknown", "not asked")


def _fresh(known, cache):
    if known is None:
        return False
    if known.what == ABSENT:
        # With nobody to ask, "not there" serves as long as "there".
        return known.age < (cache.ttl if cache.mirror else cache.negative)
    return known.age < cache.ttl


def stored(fact, cache):
    """(what is fresh, what may serve stale), each a Row, ABSENT or None."""
    known = fact.list
    if known is None or (fact.single is not None and fact.single.age < known.age):
        known = fact.single
    if _fresh(known, cache):
        return known.what, None
    if known is not None and known.what != ABSENT and known.age < cache.ttl + cache.stale:
        return None, known.what
    return None, None


def asked(fact, cache):
    """What is known once the API was asked where nothing was fresh."""
    fresh, stale = stored(fact, cache)
    if fresh is not None:
        return fresh
    answer = "store" if cache.mirror else fact.answer
    if answer is None:
        answer = "protocol"
    if answer == ABSENT or isinstance(answer, Row):
        return answer
    return stale or answer


def _fold(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def _own(row, kind, user):
    """Is it a row of the person asked for? `user`: the organization's row,
    which tells by id whose a row without an address is."""
    if kind == "id":
        return row.id == ID
    if row.email:
        return _fold(row.email) == MAIL
    return user is not None and row.id == user.id


def _row(what, kind, user=None):
    """A Row that proves something, ABSENT, or ("unknown", reason)."""
    if what is None:
        return NOT_ASKED
    if isinstance(what, Row):
        if "a" in what.flags or not _own(what, kind, user):
            return "unknown", "protocol"
        return what
    if what == ABSENT:
        return ABSENT
    return "unknown", what if what in FAILURES else "protocol"


def _line(outcomes):
    """Any of these will do. Else what is unknown, the first of it; else the
    role that was wrong says more than a project that he is not in."""
    if MET in outcomes:
        return MET
    if NOT_ASKED in outcomes:
        return NOT_ASKED
    for outcome in outcomes:
        if outcome[0] == "unknown":
            return outcome
    wrong_role = ("no", "project-role")
    return wrong_role if wrong_role in outcomes else outcomes[0]


def _project(what, kind, user, policy):
    row = _row(what, kind, user)
    if row == ABSENT:
        return "no", "project"
    if not isinstance(row, Row):
        return row
    if policy.project_role and row.role not in policy.project_role:
        return "no", "project-role"
    return MET


def _group(what, kind, user):
    row = _row(what, kind, user)
    if row == ABSENT:
        return "no", "group"
    return MET if isinstance(row, Row) else row


def _account(row, policy):
    if "d" in row.flags:
        yield "no", "account-disabled"
    if "s" in row.flags and not policy.service_accounts:
        yield "no", "service-account"
    # A member without a role has the empty one, which no policy can name.
    if policy.role and row.role not in policy.role:
        yield "no", "role"


def requirements(policy, kind, known):
    """The outcome of each that is not met, in their order."""
    user = _row(known["u"], kind)
    row = user if isinstance(user, Row) else None
    if row is not None:
        yield from _account(row, policy)
    else:
        yield ("no", "not-a-member") if user == ABSENT else user
    for line in policy.project:
        if policy.owner_is_member and row is not None and row.role == "owner":
            continue
        outcome = _line([_project(known["p." + name], kind, row, policy) for name in line])
        if outcome is MET:
            continue
        # Whoever cannot be known may be an owner.
        if outcome[0] == "no" and policy.owner_is_member and row is None and user != ABSENT:
            outcome = user
        yield outcome
    for line in policy.group:
        outcome = _line([_group(known["g." + name], kind, row) for name in line])
        if outcome is not MET:
            yield outcome


def _judge(policy, kind, known):
    """A reason, and what is unknown of the requirements: none of them where
    one is certainly not met."""
    unknown = []
    for outcome in requirements(policy, kind, known):
        if outcome[0] == "no":
            return outcome[1], []
        unknown.append(outcome)
    return unknown[0][1] if unknown else "ok", unknown


def _invited(fact, kind, cache):
    if kind == "id":
        return "not-a-member", 0
    invite = _row(asked(fact, cache), kind)
    return "invite-pending" if isinstance(invite, Row) else "not-a-member", int(stored(fact, cache)[0] is None)


def decide(policy, cache, kind, facts):
    """The reason, and how often the API (or whoever there is) was asked:
    once for all, when what the store knows does not settle the matter, and
    once more for an invitation. `facts`: query to Fact, of "u", "i" and
    whatever the policy names. `kind`: "mail" or "id", what the local name
    stands for."""
    rounds = 0
    reason, unknown = _judge(policy, kind, {key: stored(fact, cache)[0] for key, fact in facts.items()})
    if NOT_ASKED in unknown:
        rounds = 1
        reason, unknown = _judge(policy, kind, {key: asked(fact, cache) for key, fact in facts.items()})
    if reason == "not-a-member" and not unknown:
        reason, more = _invited(facts["i"], kind, cache)
        rounds += more
    return reason, rounds


def identity(name, template, lines):
    """(kind, subject) or (reason, None) of a local name, bytes. `lines`: the
    map as a dictionary. gate.conf(5), "Names that are refused"."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "bad-name", None
    control = any(ord(c) < 0x20 or 0x7f <= ord(c) <= 0x9f for c in text)
    if not name or len(name) > 320 or control or set(text) & set(" /%") or text[0] == "-":
        return "bad-name", None
    if text in lines:
        target = lines[text]
        return ("mail", _fold(target)) if "@" in target else ("id", target)
    if template is None:
        return "no-identity", None
    if template == "%u":
        if "@" not in text:
            return "no-identity", None
        if text.count("@") > 1 or text[0] == "@" or text[-1] == "@":
            return "bad-name", None
    elif "@" in text:
        return "bad-name", None
    address = template.replace("%u", text)
    return ("bad-name", None) if len(address.encode()) > 320 else ("mail", _fold(address))
