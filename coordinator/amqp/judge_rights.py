"""Judges who may do what: the users of the broker, and their rights in the vhost."""

from collections.abc import Iterator

from coordinator.amqp.findings import IMPORT, Finding, clear_permissions, delete_user, error, set_permissions, warning
from coordinator.amqp.management import Snapshot
from coordinator.amqp.topology import Permission, Topology


def judge_rights(topology: Topology, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield every user that is missing, shut out, unknown, or may do more or less than it must."""
    for permission in topology.permissions:
        yield from _user(permission, topology, snapshot)
    for user in topology.shut_out:
        if user in snapshot.users:
            yield error(f"user {user} is disabled in the directory and still exists at the broker", delete_user(user))
    ours = {permission.user for permission in topology.permissions} | set(topology.shut_out)
    for user in sorted(snapshot.permissions.keys() - ours):
        known = snapshot.users.get(user)
        if known is None or not known.administers:
            what = f"user {user} has rights in vhost {topology.vhost} and is not in the directory"
            yield warning(what, clear_permissions(topology.vhost, user))


def _user(wanted: Permission, topology: Topology, snapshot: Snapshot) -> Iterator[Finding]:
    user = snapshot.users.get(wanted.user)
    if user is None:
        yield error(f"user {wanted.user} is missing", IMPORT)
        return
    if topology.users.get(wanted.user, user.password_hash) != user.password_hash:
        yield error(f"user {wanted.user} has another password than in the directory", IMPORT)
    if user.administers:
        yield error(f"user {wanted.user} is an administrator, whom no permission binds", IMPORT)
    found = snapshot.permissions.get(wanted.user)
    mend = set_permissions(topology.vhost, wanted)
    if found is None:
        yield error(f"user {wanted.user} has no rights in vhost {topology.vhost}", mend)
        return
    for right in ("configure", "write", "read"):
        current, must = getattr(found, right), getattr(wanted, right)
        if current != must:
            yield error(f"user {wanted.user} may {right} {current or 'nothing'} and must be held to {must}", mend)
