"""What an AppArmor profile allows, without a kernel that has AppArmor.

    profile = Profile("conf/apparmor/…")
    profile.allows("/etc/hosts", "r")

apparmor_parser(8) expands the profile; apparmor.d(5) is the grammar. Only what
the profiles of Debian's abstractions use: rules for files, their globs and
variables.
"""

import re
import subprocess

_RULE = re.compile(r"^\s*(?P<words>(?:(?:allow|deny|owner|audit|file)\s+)*)(?P<path>\"?[/@{][^\s\"]*\"?)\s+(?P<modes>[rwaxmlkupcPUCi]+)\s*,")
_VARIABLE = re.compile(r"^\s*(@\{\w+\})\s*\+?=\s*(.*)$")


class Profile:
    def __init__(self, path):
        done = subprocess.run(["apparmor_parser", "--preprocess", path], capture_output=True, text=True, check=True)
        self._variables = {}
        self.rules = []
        for line in done.stdout.splitlines():
            variable = _VARIABLE.match(line)
            if variable:
                self._variables.setdefault(variable[1], []).extend(variable[2].split())
                continue
            rule = _RULE.match(line)
            if rule and "deny" not in rule["words"].split():
                self.rules.append((re.compile(self._pattern(rule["path"].strip('"'))), rule["modes"]))

    def allows(self, path, modes):
        allowed = set()
        for pattern, given in self.rules:
            if pattern.fullmatch(path):
                allowed |= set(given)
        if "w" in allowed:
            allowed.add("a")
        return set(modes) <= allowed

    def _pattern(self, glob):
        """A regular expression. A variable's value ends in "/" or not: two
        slashes would be one."""
        while found := re.search(r"@\{\w+\}", glob):
            values = [value.rstrip("/") for value in self._variables[found[0]]]
            one = values[0] if len(values) == 1 else "{" + ",".join(values) + "}"
            glob = glob[:found.start()] + one + glob[found.end():]
        text, depth, at = "", 0, 0
        while at < len(glob):
            char = glob[at]
            # After a slash at least one character: "/x/**" is not "/x/".
            some = "+" if glob[at - 1] == "/" else "*"
            if glob.startswith("**", at):
                text, at = text + "." + some, at + 1
            elif char == "*":
                text += "[^/]" + some
            elif char == "?":
                text += "[^/]"
            elif char == "{":
                text, depth = text + "(?:", depth + 1
            elif char == "}":
                text, depth = text + ")", depth - 1
            elif char == "," and depth:
                text += "|"
            elif char == "[":
                end = glob.index("]", at)
                text, at = text + glob[at:end + 1], end
            elif char == "/":
                text += "/+"
            else:
                text += re.escape(char)
            at += 1
        return text
