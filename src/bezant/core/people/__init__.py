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
    may,
)
from bezant.core.people.passwords import check_password
from bezant.core.people.ports import NO_FACTS, AuditTrail, Entry, Fact, Facts, Outcome
from bezant.core.people.service import EMAIL, Forbidden, People
from bezant.core.people.signing_in import SignIn, SignInDenied, SignInRefused

__all__ = [
    "EMAIL",
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
    "Forbidden",
    "Organization",
    "OrganizationKind",
    "Outcome",
    "OwnerRef",
    "People",
    "Permission",
    "Role",
    "SignIn",
    "SignInDenied",
    "SignInRefused",
    "User",
    "check_password",
    "may",
]
