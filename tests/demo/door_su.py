"""The real su, to that person, by somebody who knows the password."""

from doors import su
from gate import guard
from stage import PASSWORD


class Su:
    name = "su"
    policies = {}  # sudo's
    cases = [("olivia", "allow ok"), ("ann", "deny role")]

    def label(self, who):
        return f"ben$ su - {who}"

    def open(self, stage):
        self._stage = stage
        guard("su")

    def attempt(self, who):
        return self._stage.watch(lambda: su("ben", who, ["-c", "true"], ["-"], password=PASSWORD))

    def close(self):
        pass
