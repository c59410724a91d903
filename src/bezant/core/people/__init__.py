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

__all__ = [
    "OPERATOR",
    "PERMISSIONS",
    "ROLE_KINDS",
    "Actor",
    "ActorKind",
    "Organization",
    "OrganizationKind",
    "OwnerRef",
    "Permission",
    "Role",
    "User",
    "agent_office",
    "iso",
    "may",
    "merchant",
]
