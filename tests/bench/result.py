"""What a table has found, as text for a terminal and as a part of the JSON
document. A table is rows of one figure, each beside a yardstick, with the goals
that were set for it beforehand."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median and quartiles of some values; of one value, thrice that."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)

    def text(self):
        if self.low == self.high:
            return number(self.median)
        return f"{number(self.median)} [{number(self.low)} … {number(self.high)}]"


@dataclasses.dataclass(frozen=True)
class Goal:
    text: str
    value: float
    met: bool
    why: str  # it is missed, if it is: as it was profiled


class Row:
    """`values` in the order of the rounds, `base` the row that it is compared
    with, round by round; `cpu` the processor time of each."""

    def __init__(self, name, values, base=None, cpu=None):
        self.name, self.values, self.base, self.cpu = name, list(values), base, cpu
        self.goals = []

    def more(self, base=None):
        """Beyond the yardstick, round by round."""
        return Spread.of([mine - other for mine, other in zip(self.values, (base or self.base).values)])

    def ratio(self, base=None):
        return Spread.of([mine / other for mine, other in zip(self.values, (base or self.base).values)])

    def cpu_more(self):
        return Spread.of([mine - other for mine, other in zip(self.cpu, self.base.cpu)])

    def at_most(self, text, value, limit, why=""):
        self.goals.append(Goal(text, value, value <= limit, why))

    def at_least(self, text, value, limit, why=""):
        self.goals.append(Goal(text, value, value >= limit, why))

    def missed(self):
        return [goal for goal in self.goals if not goal.met]

    def document(self):
        said = {"name": self.name} | dataclasses.asdict(Spread.of(self.values))
        if self.base:
            said |= {"more": dataclasses.asdict(self.more()), "ratio": dataclasses.asdict(self.ratio()),
                     "against": self.base.name}
        if self.cpu:
            said["cpu"] = dataclasses.asdict(Spread.of(self.cpu))
            if self.base:
                said["cpu_more"] = dataclasses.asdict(self.cpu_more())
        return said | {"goals": [dataclasses.asdict(goal) for goal in self.goals]}

    def cells(self):
        yield Spread.of(self.values).text()
        yield self.more().text() if self.base else ""
        yield self.ratio().text() if self.base else ""
        yield number(statistics.median(self.cpu)) if self.cpu else ""
        yield number(self.cpu_more().median) if self.cpu and self.base else ""
        yield "; ".join(f"{goal.text}: {'met' if goal.met else 'MISSED'} ({number(goal.value)})" for goal in self.goals)


class Table:
    def __init__(self, name, title, unit, cpu_unit="CPU"):
        self.name, self.title, self.unit, self.cpu_unit = name, title, unit, cpu_unit
        self.rows, self.notes, self.missing = [], [], {}

    def against(self, base, name, values, cpu=None):
        """A row with that yardstick."""
        self.rows.append(Row(name, values, base, cpu))
        return self.rows[-1]

    def row(self, name, values, cpu=None):
        """The yardstick is the first row."""
        return self.against(self.rows[0] if self.rows else None, name, values, cpu)

    def alone(self, name, values):
        """Without one."""
        return self.against(None, name, values)

    def __getitem__(self, name):
        return next(row for row in self.rows if row.name == name)

    def __contains__(self, name):
        return any(row.name == name for row in self.rows)

    def note(self, text):
        self.notes.append(text)

    def document(self):
        return {"name": self.name, "title": self.title, "unit": self.unit, "rows": [row.document() for row in self.rows],
                "not_measured": self.missing, "notes": self.notes}

    def text(self):
        heads = (self.unit, "more", "ratio", self.cpu_unit, "more", "goals")
        lines = [heads, *(tuple(row.cells()) for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
        # A column in which nothing stands is none.
        used = [at for at in range(len(heads)) if any(line[at] for line in lines[1:])]
        longest = max(map(len, [*self.missing, *(row.name for row in self.rows)]))
        yield f"\n## {self.title}\n"
        for name, line in zip(("", *(row.name for row in self.rows)), lines):
            cells = "  ".join(line[at].ljust(widths[at]) for at in used)
            yield f"{name:{longest}}  {cells}".rstrip()
        for name, why in self.missing.items():
            yield f"{name:{longest}}  NOT measured: {why}"
        reasons = {}
        for goal in (goal for row in self.rows for goal in row.missed() if goal.why):
            reasons.setdefault(goal.why, {})[goal.text] = None
        if self.notes or reasons:
            yield ""
        yield from self.notes
        yield from (f"{'; '.join(texts)}: {why}" for why, texts in reasons.items())


def number(value):
    """As many digits as say something."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"
