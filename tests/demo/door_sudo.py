"""The real sudo, without a password, so that the gate alone decides."""

from doors import sudo, sudoers
from gate import guard


class Sudo:
    name = "sudo"
    policies = {"admin": {"pam_services": "sudo sudo-i su su-l", "role": "owner"}}
    cases = [("olivia", "allow ok"), ("ann", "deny role"), ("zoe", "deny not-a-member"), ("root", "exempt exempt-user")]

    def label(self, who):
        return f"{who}$ sudo id"

    def open(self, stage):
        self._stage = stage
        guard("sudo")
        guard("sudo-i")
        sudoers("ALL ALL=(ALL:ALL) NOPASSWD: ALL\n")

    def attempt(self, who):
        return self._stage.watch(lambda: sudo(who, ["id"]))

    def close(self):
        pass
