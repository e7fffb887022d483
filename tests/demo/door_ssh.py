"""The real sshd on loopback, logins with a key."""

from doors import Sshd
from gate import guard


class Ssh:
    name = "ssh"
    policies = {"ssh": {"pam_services": "sshd", "role": "owner reader", "project": "proj_web", "owner_is_member": "yes"}}
    cases = [
        ("olivia", "allow ok"),
        ("ann", "allow ok"),
        ("ben", "deny project"),
        ("norah", "deny role"),
        ("bob", "deny account-disabled"),
        ("robot", "deny service-account"),
        ("ivan", "deny invite-pending"),
        ("zoe", "deny not-a-member"),
        ("nils", "deny no-identity"),
        ("root", "exempt exempt-user"),
    ]

    def label(self, who):
        return f"ssh {who}@localhost"

    def open(self, stage):
        self._stage = stage
        guard("sshd")
        self._sshd = Sshd()

    def attempt(self, who):
        return self._stage.watch(lambda: self._sshd.login(who, "true"))

    def forget(self, who):
        """Makes the store forget; what an administrator would type."""
        self._stage.gate.cli("cache", "flush", who)
        return f"openai-gate cache flush {who}"

    def close(self):
        self._sshd.stop()
