"""People: the organizations they belong to, what they may do, and the log of what they did."""

from bezant.core.people.model import (
    OPERATOR,
    PERMISSIONS,
    ROLE_KINDS,
    Actor,
    ActorKind,
    Organization,
    OrganizationKind,
    OwnerRef,
    Permission,
    Role,
    User,
    agent_office,
    iso,
    may,
    merchant,
)
from bezant.core.people.ports import NO_FACTS, AuditTrail, Entry, Fact, Facts, Outcome

__all__ = [
    "NO_FACTS",
    "OPERATOR",
    "PERMISSIONS",
    "ROLE_KINDS",
    "Actor",
    "ActorKind",
    "AuditTrail",
    "Entry",
    "Fact",
    "Facts",
    "Organization",
    "OrganizationKind",
    "Outcome",
    "OwnerRef",
    "Permission",
    "Role",
    "User",
    "agent_office",
    "iso",
    "may",
    "merchant",
]
