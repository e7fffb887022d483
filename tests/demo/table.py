"""Aligned columns, with a little colour where there is a terminal."""

import os
import sys

_COLOURS = {"allow": "32", "exempt": "36", "deny": "31", "unavailable": "33", "misconfigured": "35", "!": "1;31"}


def _coloured(text, word):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or word not in _COLOURS:
        return text
    return f"\033[{_COLOURS[word]}m{text}\033[0m"


class Table:
    def __init__(self, *widths):
        self._widths = widths

    def line(self, *cells, colour=""):
        """The last cell has all the room that is left."""
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths)]
        text = "  ".join([*padded, *cells[len(self._widths):]]).rstrip()
        print(_coloured(text, colour), flush=True)


def say(text=""):
    print(text, flush=True)


def alarm(text):
    print(_coloured(text, "!"), flush=True)
