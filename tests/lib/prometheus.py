"""The text format of Prometheus, 0.0.4, read strictly.

    metrics = prometheus.parse(text)        # raises Malformed
    metrics.value("openai_gate_shared_total")
    metrics.value("openai_gate_decisions_total", verdict="allow")   # a sum
    metrics.types                           # {"openai_gate_shared_total": "counter", …}

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|\+?Inf|NaN))", re.DOTALL)
_UNESCAPED = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


class Malformed(ValueError):
    """The line, and what is wrong with it."""


class Metrics:
    def __init__(self):
        self.types = {}
        self.helps = {}
        self.samples = {}  # (name, ((label, value), …)): number

    def value(self, name, **labels):
        """The sum of the samples with these labels; None when there are none."""
        found = [number for (one, pairs), number in self.samples.items()
                 if one == name and labels.items() <= dict(pairs).items()]
        return sum(found) if found else None

    def series(self, name):
        """The labels of each sample, as dicts."""
        return [dict(pairs) for one, pairs in self.samples if one == name]


def _labels(text, line):
    pairs = []
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise Malformed(f"labels: {line}")
        pairs.append((match[1], re.sub(r'\\["\\n]', lambda one: _UNESCAPED[one[0]], match[2])))
        at = match.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise Malformed(f"between labels: {line}")
            at += 1
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed(f"a label twice: {line}")
    return tuple(sorted(pairs))


def _comment(metrics, line, current):
    match = re.fullmatch(rf"# (HELP|TYPE) ({_NAME}) (.+)", line)
    if match is None:
        raise Malformed(f"neither HELP nor TYPE: {line}")
    word, name, rest = match.groups()
    into = metrics.helps if word == "HELP" else metrics.types
    if name in into:
        raise Malformed(f"{word} twice: {line}")
    if word == "TYPE" and rest not in ("counter", "gauge"):
        raise Malformed(f"no such type here: {line}")
    if word == "TYPE" and current != name:
        raise Malformed(f"TYPE without its HELP before: {line}")
    if word == "TYPE" and (rest == "counter") != name.endswith("_total"):
        raise Malformed(f"only a counter ends in _total: {line}")
    if word == "HELP" and re.search(r"\\(?![\\n])", rest):
        raise Malformed(f"escape: {line}")
    into[name] = rest
    return name


def parse(text):
    metrics = Metrics()
    if not text.endswith("\n"):
        raise Malformed("no newline at the end")
    current = None
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            current = _comment(metrics, line, current)
            continue
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise Malformed(f"no sample: {line!r}")
        name, labels, number = match.groups()
        if name != current or name not in metrics.types:
            raise Malformed(f"not below its own TYPE: {line}")
        key = (name, _labels(labels, line) if labels is not None else ())
        if key in metrics.samples:
            raise Malformed(f"a series twice: {line}")
        if metrics.types[name] == "counter" and float(number) < 0:
            raise Malformed(f"a counter below zero: {line}")
        metrics.samples[key] = float(number)
    if set(metrics.types) != set(metrics.helps):
        raise Malformed("HELP without TYPE")
    return metrics
