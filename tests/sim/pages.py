"""The two ways in which the API's lists are cut into pages.

Dialect A continues after an id of the list. Dialect B continues after an
opaque cursor; ours always holds '+', '/' and '=', so that a client that does
not percent-encode it is found out.

Not known of the API, and strict here so that a mistake shows: a limit out of
range, and a cursor that the list does not know, are answered with 400.
"""

import base64


class PageError(ValueError):
    """A query that the list cannot answer; `param` is the one at fault."""

    def __init__(self, message, param):
        super().__init__(message)
        self.param = param


def _limit(query, default, low, high):
    text = query.get("limit", str(default))
    if not (text.isascii() and text.isdigit()) or not low <= int(text[:9]) <= high:
        raise PageError(f"Invalid 'limit': expected an integer from {low} to {high},"
                        f" but got '{text[:64]}'.", "limit")
    return int(text[:9])


def _slice(roster, places, limit, row):
    """Up to limit rows, and whether there is one more."""
    rows = []
    for place in places:
        item = roster.at(place)
        if item is None:
            continue
        if len(rows) == limit:
            return rows, True
        rows.append(row(*item))
    return rows, False


def dialect_a(roster, query, row):
    """first_id, last_id, has_more. row(id, value) makes a row."""
    limit = _limit(query, 20, 1, 100)
    start = 0
    if "after" in query:
        place = roster.place(query["after"])
        if place is None:
            raise PageError("Invalid 'after': no such object in this list.", "after")
        start = place + 1
    rows, more = _slice(roster, range(start, roster.places), limit, row)
    return {
        "object": "list",
        "data": rows,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "has_more": more,
    }


def _cursor(path, order, ident):
    text = f"{order} {path} {ident}"
    # 0xfb 0xff becomes "+/"; a length of 3n + 1 or + 2 ends in "=".
    data = b"\xfb\xff" + text.encode()
    if len(data) % 3 == 0:
        data += b"\n"
    return base64.b64encode(data).decode()


def _uncursor(cursor, path, order):
    """The id that a cursor of this very list names, or None."""
    try:
        data = base64.b64decode(cursor, validate=True)
        words = data[2:].decode().rstrip("\n").split(" ")
    except ValueError:
        return None
    ident = words[-1]
    return ident if _cursor(path, order, ident) == cursor else None


def dialect_b(roster, query, row, path, default_order):
    """has_more, next; up to 1000 rows a page, in either order."""
    limit = _limit(query, 100, 0, 1000)
    order = query.get("order", default_order)
    if order not in ("asc", "desc"):
        raise PageError("Invalid 'order': expected 'asc' or 'desc'.", "order")
    places = range(roster.places)
    if order == "desc":
        places = places[::-1]
    if "after" in query:
        ident = _uncursor(query["after"], path, order)
        place = None if ident is None else roster.place(ident)
        if place is None:
            raise PageError("Invalid 'after': this cursor is not known.", "after")
        places = places[places.index(place) + 1:]
    rows, more = _slice(roster, places, limit, row)
    if not rows:
        # A limit of 0 is allowed; there is nothing to continue after.
        more = False
    return {
        "object": "list",
        "data": rows,
        "has_more": more,
        "next": _cursor(path, order, rows[-1]["id"]) if more else None,
    }
