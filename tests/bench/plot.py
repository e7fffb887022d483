#!/usr/bin/python3
"""The picture of what was measured, for a page with a light or a dark theme.

    plot.py FILE.json >FILE.svg

Horizontal bars: throughput of each nginx gate against no gate, and what a line
of PAM adds to a login, in milliseconds. It has a ground of its own, since a
page's theme and the browser's need not be the same.
"""

import json
import sys
from xml.sax.saxutils import escape

WIDTH, MARGIN, LABEL, VALUE = 800, 24, 250, 70
BAR, STEP, TITLE, GAP = 16, 26, 40, 18
BARS = WIDTH - 2 * MARGIN - LABEL - VALUE
OURS = "openai"

_STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 15px }
    .small { font-size: 11px; fill: #59636e }
    .ground { fill: #ffffff; stroke: #d1d9e0 }
    .bar { fill: #afb8c1 }
    .ours { fill: #1a7f37 }
    .line { stroke: #d1d9e0 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .small { fill: #9198a1 }
      .ground { fill: #0d1117; stroke: #3d444d }
      .bar { fill: #656c76 }
      .ours { fill: #3fb950 }
      .line { stroke: #3d444d }
    }
"""

# By table: the heading, which figure of a row, and how its value is written.
_GROUPS = {
    "nginx_warm": ("nginx: requests per second, no gate = 1", "ratio", "{:.2f}"),
    "pam_account": ("PAM: milliseconds added to a login, warm unless it says cold", "more", "{:+.2f}"),
}

TABLES = tuple(_GROUPS)


def _bars(table, figure):
    """(name, value), the best first: the yardstick has none."""
    values = [(row["name"], row[figure]["median"]) for row in table["rows"] if figure in row]
    return sorted(values, key=lambda bar: bar[1], reverse=figure == "ratio")


def _text(x, y, text, kind="", anchor="start"):
    return f'  <text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>\n'


def _group(table, top):
    """The lines of one group, and where it ends."""
    title, figure, form = _GROUPS[table["name"]]
    bars = _bars(table, figure)
    widest = max(1e-9, *(value for _, value in bars))
    left = MARGIN + LABEL
    drawn = _text(MARGIN, top + 18, title, "title")
    y = top + TITLE
    for name, value in bars:
        kind = "bar ours" if name.startswith((OURS, f"pam_{OURS}")) else "bar"
        width = max(value / widest * BARS, 1)
        drawn += _text(left - 10, y + BAR - 3, name, anchor="end")
        drawn += f'  <rect x="{left}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" class="{kind}"/>\n'
        drawn += _text(f"{left + width + 8:.1f}", y + BAR - 3, form.format(value))
        y += STEP
    drawn += f'  <line x1="{left}" y1="{top + TITLE - 4}" x2="{left}" y2="{y - STEP + BAR + 4}" class="line"/>\n'
    return drawn, y + GAP


def draw(document):
    """The SVG, as text."""
    body, y = "", MARGIN - 8
    for table in sorted((one for one in document["tables"] if one["name"] in TABLES), key=lambda one: TABLES.index(one["name"])):
        lines, y = _group(table, y)
        body += lines
    if not body:
        raise ValueError(f"nothing to draw: there is no {' and no '.join(TABLES)}")
    facts = document["machine"]
    body += _text(MARGIN, y + 2, f"make bench, {facts['date']}: medians; {facts['system']}, {facts['cores']} cores of {facts['cpu']}; "
                  f"nginx {facts['nginx']}", "small")
    height = y + 20
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">\n'
            f"  <title>What the gate costs next to what it is compared with</title>\n  <style>{_STYLE}  </style>\n"
            f'  <rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="ground"/>\n{body}</svg>\n')


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(draw(json.load(file)))
