#!/usr/bin/python3
"""conf/prometheus-alerts.yml and conf/grafana-dashboard.json: well-formed, and
every metric, label and value in them is one that the doors really print."""

import json
import os
import re
import sys
import time

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import prometheus
from gate import Gate, install
from nginx import PORT, Nginx, fresh
from pamdrive import Pam
from sim import Simulator
from tap import done_testing, is_, isnt, like, ok

RULES = os.path.join(jail.REPOSITORY, "conf", "prometheus-alerts.yml")
BOARD = os.path.join(jail.REPOSITORY, "conf", "grafana-dashboard.json")

# The node exporter's.
FOREIGN = {"node_textfile_mtime_seconds": {"file"}}
# What Prometheus or Grafana adds to a series.
ADDED = {"instance", "job"}
FUNCTIONS = {"sum", "max", "min", "increase", "rate", "min_over_time", "time", "label_values"}
AGGREGATES = {"sum", "max", "min"}
OPERATORS = {"and", "or", "unless"}

TOKEN = re.compile(r'\s*(?:(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<string>"(?:[^"\\]|\\.)*")'
                   r"|(?P<range>\[(?:[0-9]+[smhdw]|\$__rate_interval)\])|(?P<sign>=~|!~|!=|>=|<=|==|[-+*/(){},<>=]))")
PAIRS = {")": "(", "}": "{"}


def tokens(text):
    found = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"cannot be read from {text[at:at + 30]!r} on")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class Expression:
    """One expression: balanced, of known words, with known labels. Not the
    whole grammar, but all that ours use of it."""

    def __init__(self, text, known):
        self.known = known
        self.metrics = set()
        self.trouble = []
        self.words = tokens(text)
        self._balance()
        self._read()

    def _balance(self):
        stack = []
        for kind, word in self.words:
            if kind == "sign" and word in "({":
                stack.append(word)
            elif kind == "sign" and word in ")}" and (not stack or stack.pop() != PAIRS[word]):
                self.trouble.append("parentheses")
                return
        if stack:
            self.trouble.append("parentheses")

    def _read(self):
        at = 0
        before = None  # an operand is expected after an operator only
        while at < len(self.words):
            kind, word = self.words[at]
            following = self.words[at + 1][1] if at + 1 < len(self.words) else None
            operand = kind in ("name", "number") and word not in OPERATORS and word not in ("by", "on")
            if operand and before == "operand":
                self.trouble.append(f"no operator before {word}")
            if kind == "name" and word in ("by", "on"):
                at = self._labels(at + 1)
                before = word
                continue
            if kind == "name" and word in OPERATORS:
                before = "operator"
            elif kind == "name" and word in FUNCTIONS:
                if following != "(" and not (word in AGGREGATES and following == "by"):
                    self.trouble.append(f"{word} of nothing")
                before = "function"
            elif kind == "name":
                at = self._metric(at)
                before = "operand"
                continue
            elif kind == "number" or word == ")":
                before = "operand"
            elif kind == "range":
                if before != "operand":
                    self.trouble.append(f"{word} of nothing")
                before = "operand"
            elif kind == "sign":
                if word in "-+*/<>=" and before not in ("operand",):
                    self.trouble.append(f"nothing before {word}")
                before = word
            at += 1
        if before != "operand":
            self.trouble.append("the end is missing")

    def _labels(self, at):
        if self.words[at][1] != "(":
            self.trouble.append("by what?")
            return at
        at += 1
        while self.words[at][1] != ")":
            kind, word = self.words[at]
            if kind == "name" and word not in ADDED and not any(word in labels for labels in self.known.values()):
                self.trouble.append(f"no metric has a label {word}")
            at += 1
        return at + 1

    def _metric(self, at):
        name = self.words[at][1]
        self.metrics.add(name)
        labels = FOREIGN.get(name) or self.known.get(name)
        if labels is None:
            self.trouble.append(f"no metric {name}")
            labels = {}
        at += 1
        if at < len(self.words) and self.words[at][1] == "{":
            at += 1
            while self.words[at][1] != "}":
                if self.words[at][1] == ",":
                    at += 1
                label, sign, value = (word for _, word in self.words[at:at + 3])
                self._matcher(name, labels, label, sign, value[1:-1])
                at += 3
            at += 1
        return at

    def _matcher(self, name, labels, label, sign, value):
        if sign not in ("=", "!=", "=~", "!~"):
            self.trouble.append(f"{label}{sign}{value}")
        if label in ADDED:
            return
        if label not in labels:
            self.trouble.append(f"{name} has no label {label}")
        elif not value.startswith("$") and name not in FOREIGN:
            for one in value.split("|"):
                if one not in labels[label]:
                    self.trouble.append(f"{name} has no {label}={one}")


def known(*outputs):
    """{metric: {label: values}} of what was really printed."""
    found = {}
    for metrics in outputs:
        for name in metrics.types:
            labels = found.setdefault(name, {})
            for pairs in metrics.series(name):
                for label, value in pairs.items():
                    labels.setdefault(label, set()).add(value)
    return found


def outputs():
    """What the command line and nginx print once all has happened."""
    install()
    simulator = Simulator("/var/tmp/sim")
    simulator.change(admin_keys=[{"key": simulator.admin_key, "expires_at": int(time.time()) + 86400}])
    gate = Gate(simulator, {"any": {"pam_services": "sshd", "role": "owner reader"}}, {"ann": "ann@example.com"},
                api={"requests_per_minute": 6000})
    pam = Pam()
    pam.door("sshd")
    pam.ask("sshd", "ann")
    gate.cli("check", "--policy", "any", "ann")
    is_(gate.cli("sync", "--quiet").returncode, 0, "sync")
    is_(gate.cli("doctor").returncode, 0, "doctor")
    cli = prometheus.parse(gate.cli("status", "--prometheus").stdout)
    fresh()
    with Nginx(f"""openai_gate_identity $http_x_user; server {{ listen 127.0.0.1:{PORT}; openai_gate any;
                   location / {{ }} location /status {{ openai_gate off; openai_gate_status; }} }}""") as nginx:
        is_(nginx.get(user="ann").status, 200, "nginx")
        web = prometheus.parse(nginx.get("/status").body)
    return cli, web


def rules(metrics):
    with open(RULES, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    is_(list(document), ["groups"], "rules: groups alone")
    alerts = []
    used = set()
    for group in document["groups"]:
        is_(sorted(group), ["name", "rules"], "rules: a group")
        alerts += group["rules"]
    is_(len({rule["alert"] for rule in alerts}), len(alerts), "rules: no name twice")
    ok(len(alerts) >= 7, f"rules: {len(alerts)} alerts")
    for rule in alerts:
        name = rule["alert"]
        is_(set(rule) - {"alert", "expr", "for", "labels", "annotations"}, set(), f"{name}: no other keys")
        like(name, r"^OpenaiGate[A-Z]\w+$", f"{name}: its name")
        like(str(rule.get("for", "1m")), r"^\d+[smhd]$", f"{name}: how long it must last")
        ok(rule["labels"]["severity"] in ("critical", "warning", "info"), f"{name}: its severity")
        is_(sorted(rule["annotations"]), ["description", "summary"], f"{name}: what it says")
        for text in rule["annotations"].values():
            is_(set(re.findall(r"\$(\w+)", text)) - {"labels", "value"}, set(), f"{name}: known variables")
            for label in re.findall(r"\$labels\.(\w+)", text):
                ok(label in ADDED or label in rule["expr"] or any(label in metrics[one] for one in metrics if one in rule["expr"]),
                   f"{name}: it has the label {label}")
        expression = Expression(rule["expr"], metrics)
        is_(expression.trouble, [], f"{name}: its expression")
        ok(expression.metrics, f"{name}: speaks of a metric")
        used |= expression.metrics
    return used


def board(metrics):
    with open(BOARD, encoding="utf-8") as file:
        document = json.load(file)
    variables = {one["name"]: one for one in document["templating"]["list"]}
    is_(variables["datasource"]["type"], "datasource", "dashboard: the data source is a variable")
    is_([key for key in ("title", "uid", "panels", "schemaVersion") if key not in document], [], "dashboard: can be imported")
    ok(document.get("id") is None, "dashboard: has no id of somebody's Grafana")
    used = set()
    for name, one in variables.items():
        if one["type"] == "query":
            expression = Expression(re.sub(r", \w+\)$", ")", one["query"]["query"]), metrics)
            is_(expression.trouble, [], f"dashboard: variable {name}")
    ids = [panel["id"] for panel in document["panels"]]
    is_(len(set(ids)), len(ids), "dashboard: no panel's id twice")
    places = set()
    for panel in document["panels"]:
        title = panel["title"]
        is_(panel["datasource"]["uid"], "${datasource}", f"{title}: from that data source")
        place = panel["gridPos"]
        mine = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        ok(not mine & places and max(x for x, _ in mine) < 24, f"{title}: a place of its own")
        places |= mine
        for target in panel["targets"]:
            expression = Expression(target["expr"], metrics)
            is_(expression.trouble, [], f"{title}: its expression")
            is_(set(re.findall(r"\$\{?(\w+)", target["expr"])) - {*variables, "__rate_interval"}, set(), f"{title}: its variables")
            used |= expression.metrics
    return used


def checker(metrics):
    """What it lets pass must be worth something."""
    for bad in ("sum(openai_gate_shared_total", "openai_gate_nothing > 1", 'openai_gate_cache_total{cache="hot"} > 0',
                'openai_gate_cache_total{reason="ok"} > 0', "openai_gate_shared_total >", "> 1", "sum by (colour) (openai_gate_shared_total)",
                "openai_gate_shared_total openai_gate_shared_total", "rate([5m])"):
        isnt(Expression(bad, metrics).trouble, [], f"refused: {bad}")


cli, web = outputs()
is_(sorted(cli.types.items()), sorted(web.types.items()), "both doors print the very same metrics")
is_(cli.helps, web.helps, "... in the same words")
is_([name for name in cli.types if not cli.series(name)], [], "each has a value on the command line once all has happened")
everything = known(cli, web)
checker(everything)
used = (rules(everything) | board(everything)) - set(FOREIGN)
is_(sorted(used), sorted(everything), "each metric is used by an alert or in the dashboard, and none that is not there")
done_testing()
