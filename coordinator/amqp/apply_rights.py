"""Makes users, permissions, policies and bindings as the topology says, where they differ."""

from dataclasses import dataclass, field

from coordinator.amqp.findings import APPLY, Finding, error
from coordinator.amqp.judge_declared import foreign_bindings
from coordinator.amqp.management import FoundPermission, Management, Snapshot
from coordinator.amqp.topology import Permission, Policy, Topology


@dataclass(slots=True)
class Rights:
    """One run over what only the management API can change."""

    topology: Topology
    client: Management
    found: Snapshot
    done: list[str] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)

    async def apply(self, coordinator_password_hash: str | None) -> None:
        """Change what differs, limits before rights, so that nobody gets in before them.

        Without the coordinator's password hash its user is left as it is. Raises BrokerUnavailableError.
        """
        for binding in foreign_bindings(self.topology, self.found):
            await self.client.delete_binding(binding)
            self.done.append(f"unbound {binding.destination_type} {binding.destination} from {binding.source}")
        for policy in self.topology.policies:
            await self._policy(policy)
        await self._users(coordinator_password_hash)
        coordinator = self.topology.coordinator
        absent = coordinator_password_hash is None and coordinator not in self.found.users
        for permission in self.topology.permissions:
            if permission.user != coordinator or not absent:
                await self._permission(permission)
        if absent:
            mend = f"{APPLY} --coordinator-password-hash HASH"
            self.left.append(error(f"user {coordinator} is missing, and its password is not known here", mend))

    async def _policy(self, policy: Policy) -> None:
        wanted = (policy.name, policy.pattern, "queues", policy.priority, dict(policy.definition))
        for one in self.found.policies:
            if (one.name, one.pattern, one.apply_to, one.priority, dict(one.definition)) == wanted:
                return
        await self.client.put_policy(policy)
        self.done.append(f"set policy {policy.name}")

    async def _users(self, coordinator_password_hash: str | None) -> None:
        users = dict(self.topology.users)
        if coordinator_password_hash is not None:
            users[self.topology.coordinator] = coordinator_password_hash
        for name, password_hash in users.items():
            found = self.found.users.get(name)
            if found is None or found.password_hash != password_hash or found.administers:
                await self.client.put_user(name, password_hash)
                self.done.append(f"set user {name}")
        for name in self.topology.shut_out:
            if name in self.found.users:
                await self.client.delete_user(name)
                self.done.append(f"deleted user {name}")

    async def _permission(self, wanted: Permission) -> None:
        rights = FoundPermission(user=wanted.user, configure=wanted.configure, write=wanted.write, read=wanted.read)
        if self.found.permissions.get(wanted.user) != rights:
            await self.client.put_permission(wanted)
            self.done.append(f"set the rights of {wanted.user}")
