"""Answers made wrong, each in one way.

REQUEST changes the question before it is answered; ANSWER the answer. Each is
a table from the name of a fault to a function and to what it does; the words
in `backquotes` there are its parameters, and no others are taken.
"""

import copy
import http
import itertools
import json

from api import Answer, error, missing_scope
from rate import denial

_NEW = itertools.count()


# Changes of the question.

def _filter_ignored(request, params):
    request.drop("emails[]")


def _same_page(request, params):
    request.drop("after")


# Plain refusals.

def _status(answer, request, api, params):
    """The status in the API's own envelope, or with `body` and `headers`."""
    status = params["status"]
    if status == 429:
        headers, message = denial(params.get("style", "retry-after"),
                                  params.get("seconds", 1))
        answer = error(429, message, "rate_limit_exceeded", headers=headers)
    elif status == 401:
        answer = error(401, "Incorrect API key provided: ****.", "invalid_api_key")
    elif status == 403:
        answer = missing_scope(403)
    elif status >= 500:
        answer = error(status, "The server had an error while processing your"
                       " request. Sorry about that!", kind="server_error")
    else:
        answer = error(status, http.HTTPStatus(status).phrase
                       if status in set(http.HTTPStatus) else "No such status")
    answer.headers.update(params.get("headers", {}))
    if "body" in params:
        answer.body = params["body"].encode()
    return answer


def _missing_scope(answer, request, api, params):
    return missing_scope(params.get("status", 403))


def _string_error(answer, request, api, params):
    text = "You have insufficient permissions for this operation."
    return Answer(params.get("status", 401), {"error": text})


def _number_error(answer, request, api, params):
    status = params.get("status", 404)
    return Answer(status, {"code": status, "message": "The project was not found"})


def _redirect(answer, request, api, params):
    location = params.get("location", "https://127.0.0.1:1/v1/organization/users")
    return Answer(params.get("status", 302), None, {"Location": location})


# Bodies that are no JSON, or not the whole of it.

def _html(answer, request, api, params):
    status = params.get("status", 200)
    page = (f"<!DOCTYPE html><html><head><title>{status}</title></head>"
            "<body><h1>Please wait</h1><p>Checking your browser.</p></body></html>")
    return Answer(status, None, {"Content-Type": "text/html; charset=UTF-8"},
                  page.encode())


def _body(answer, request, api, params):
    return Answer(params.get("status", 200), None, params.get("headers"),
                  params["body"].encode())


def _circle(answer, request, api, params):
    """The cursors repeat, the rows never do."""
    follows = {"A": "B", "B": "C", "C": "D", "D": "E", "E": "C"}
    cursor = follows.get(request.query().get("after"), "A")
    number = next(_NEW)
    row = {"object": "organization.user", "id": f"user-New{number}", "email": f"new{number}@example.org", "role": "reader"}
    return Answer(200, {"object": "list", "data": [row], "first_id": row["id"], "last_id": cursor, "has_more": True})


def _empty(answer, request, api, params):
    answer.body = b""
    return answer


def _cut(answer, request, api, params):
    """Half of the JSON, its length told truly."""
    text = answer.text()
    answer.body = text[:params.get("bytes", len(text) // 2)]
    return answer


def _trailing(answer, request, api, params):
    answer.body = answer.text() + b" {}"
    return answer


def _twice(answer, request, api, params):
    """A key written twice: parsers differ in which they take."""
    text = answer.text()
    answer.body = text[:-1] + b', "has_more": true, "has_more": false}'
    return answer


def _deep(answer, request, api, params):
    depth = params.get("depth", 100000)
    answer.body = b'{"data":' + b"[" * depth + b"]" * depth + b"}"
    return answer


def _invalid_utf8(answer, request, api, params):
    """A byte that no UTF-8 text holds, within the first string of a row."""
    return _within_id(answer, b"\xff")


def _nul(answer, request, api, params):
    return _within_id(answer, b"\\u0000")


def _within_id(answer, piece):
    row = _rows(answer)[0]
    text = json.dumps(answer.document)
    head, _, tail = text.partition('"id": ' + json.dumps(row["id"]))
    ident = row["id"].encode()
    answer.body = (head.encode() + b'"id": "' + ident[:6] + piece + ident[6:]
                   + b'"' + tail.encode())
    return answer


# JSON of the wrong shape.

def _rows(answer):
    """The rows of a list, or the one row; never none, so that a fault cannot
    pass for a right answer."""
    document = answer.document
    rows = document["data"] if "data" in document else [document]
    if not rows:
        rows.append({"object": "organization.user", "id": "user-Spoilt",
                     "name": "Spoilt", "email": "spoilt@example.com",
                     "role": "reader", "added_at": 1711471533})
    return rows


def _set(**changes):
    def spoiler(answer, request, api, params):
        for row in _rows(answer):
            row.update(copy.deepcopy(changes))
        return answer
    return spoiler


def _without_id(answer, request, api, params):
    for row in _rows(answer):
        row.pop("id", None)
    return answer


def _envelope(**changes):
    """Changes the list around the rows; a key set to None goes away."""
    def spoiler(answer, request, api, params):
        for key, value in changes.items():
            answer.document.pop(key, None)
            if value is not None:
                answer.document[key] = copy.deepcopy(value)
        return answer
    return spoiler


def _top_array(answer, request, api, params):
    answer.document = [answer.document]
    return answer


# Lists that contradict themselves.

def _more_without_cursor(answer, request, api, params):
    answer.document["has_more"] = True
    for key in ("last_id", "next"):
        if key in answer.document:
            answer.document[key] = None
    return answer


def _cursor_repeated(answer, request, api, params):
    document = answer.document
    document["has_more"] = True
    if "next" in document:
        document["next"] = "cursor-that-comes-again"
    else:
        document["last_id"] = _rows(answer)[-1]["id"]
    return answer


def _row_repeated(answer, request, api, params):
    first = copy.copy(request)
    first.drop("after")
    again = api.read(first).document["data"][0]
    _rows(answer).append(copy.deepcopy(again))
    return answer


def _row_twice(answer, request, api, params):
    rows = _rows(answer)
    rows.append(copy.deepcopy(rows[0]))
    return answer


def _twins(answer, request, api, params):
    """Two rows whose addresses differ in case only."""
    rows = _rows(answer)
    twin = copy.deepcopy(rows[0])
    twin["id"] += "Twin"
    twin["email"] = (twin.get("email") or "twin@example.com").swapcase()
    if not rows[0].get("email"):
        rows[0]["email"] = "twin@example.com"
    rows.append(twin)
    return answer


def _other_row(answer, request, api, params):
    """Somebody else than was asked for."""
    row = _rows(answer)[0]
    row["id"] = "user-SomebodyElse"
    if "email" in row:
        row["email"] = "somebody.else@example.com"
    if "data" in answer.document:
        del answer.document["data"][1:]
    return answer


REQUEST = {
    "filter-ignored": (_filter_ignored, "answers as if emails[] had not been sent"),
    "repeated-cursor": (_same_page, "the first page again and again, same cursor"),
}

# Those that need no right answer to begin with.
REFUSALS = {
    "status": (_status, "`status`, with `body`, `headers`, 429 also `style`, `seconds`"),
    "missing-scope": (_missing_scope, "`status` 401 or 403 (the default)"),
    "string-error": (_string_error, "`status` with the error as a bare string"),
    "number-error": (_number_error, "`status` as a numeric code, without an error object"),
    "redirect": (_redirect, "`status` to `location`, by default another origin"),
    "html": (_html, "a web page with `status`"),
    "body": (_body, "`status` with exactly this `body`"),
    "circle": (_circle, "five pages of users, the third follows the last; somebody new on each"),
}

SPOILERS = {
    "empty": (_empty, "200 and no body"),
    "cut": (_cut, "the JSON cut after `bytes` (half), its length told truly"),
    "trailing": (_trailing, "a second JSON text behind the first"),
    "duplicate-key": (_twice, "has_more twice more, true and false"),
    "deep": (_deep, "arrays nested `depth` deep (100000)"),
    "invalid-utf8": (_invalid_utf8, "0xff within the first id"),
    "nul": (_nul, "U+0000 within the first id"),
    "role-number": (_set(role=1), "role is a number"),
    "role-object": (_set(role={"name": "owner"}), "role is an object"),
    "id-number": (_set(id=7), "id is a number"),
    "id-null": (_set(id=None), "id is null"),
    "id-empty": (_set(id=""), "id is empty"),
    "id-missing": (_without_id, "rows without id"),
    "email-number": (_set(email=7), "e-mail is a number"),
    "banned-string": (_set(user={"object": "user", "id": "user-x", "banned": "no"}),
                      "user.banned is a string"),
    "user-string": (_set(user="banned"), "the nested user is a string"),
    "service-account-string": (_set(is_service_account="no"),
                               "is_service_account is a string"),
    "row-string": (_envelope(data=["user-abc"]), "rows are strings"),
    "data-object": (_envelope(data={"id": "user-abc"}), "data is an object"),
    "data-missing": (_envelope(data=None), "no data"),
    "has-more-string": (_envelope(has_more="false"), "has_more is a string"),
    "has-more-missing": (_envelope(has_more=None), "no has_more"),
    "cursor-number": (_envelope(has_more=True, last_id=7, next=7),
                      "more to come, the cursor is a number"),
    "top-array": (_top_array, "an array around the document"),
    "more-without-cursor": (_more_without_cursor, "has_more true, cursor null"),
    "repeated-cursor": (_cursor_repeated, "the first page again and again, same cursor"),
    "row-twice": (_row_twice, "a row twice on one page"),
    "repeated-row": (_row_repeated, "the list's first row again on each later page"),
    "folded-twins": (_twins, "two rows whose addresses differ in case only"),
    "other-row": (_other_row, "one row, of somebody else"),
}

ANSWER = {**REFUSALS, **SPOILERS}

# They have a meaning for lists only, and meet no other request.
LISTS = {"row-string", "data-object", "data-missing", "has-more-string",
         "has-more-missing", "cursor-number", "more-without-cursor",
         "repeated-cursor", "row-twice", "repeated-row", "folded-twins",
         "filter-ignored", "duplicate-key", "circle"}


def change_request(fault, request):
    if fault is not None and fault.kind in REQUEST:
        REQUEST[fault.kind][0](request, fault.params)


def change_answer(fault, answer, request, api):
    """The answer that goes out. What is an error already is only replaced,
    never reshaped: the fault is about right answers."""
    if fault is None:
        return answer
    if fault.kind in REFUSALS:
        return REFUSALS[fault.kind][0](answer, request, api, fault.params)
    if fault.kind in SPOILERS and answer.status == 200:
        # The rows belong to the organization, which stays as it is.
        answer.document = copy.deepcopy(answer.document)
        return SPOILERS[fault.kind][0](answer, request, api, fault.params)
    return answer
