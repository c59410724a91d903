"""Rules about people: users and agent offices belong to organizations that there are."""

from __future__ import annotations

from bezant.core.people import ROLE_KINDS
from bezant.storage.verify.rules import Rule

_ROLES = ", ".join(f"'{role}@{kind}'" for role, kinds in ROLE_KINDS.items() for kind in sorted(kinds))

OWNERS = (
    Rule(
        subject="merchant {merchant_id}",
        message="is looked after by agent office {office_id}, which is no office of its sales organization",
        query="""
            SELECT m.merchant_id, m.office_id
            FROM merchants m
            LEFT JOIN agent_offices o ON o.office_id = m.office_id AND o.iso_id = m.iso_id
            WHERE m.office_id IS NOT NULL AND o.office_id IS NULL
        """,
    ),
    Rule(
        subject="user {user_id}",
        message="is {role} at {owner_kind} {owner_id}, which there is not, or where nobody is",
        query=f"""
            SELECT m.merchant_id, u.user_id, u.role, u.owner_kind, u.owner_id
            FROM users u
            LEFT JOIN merchants m ON u.owner_kind = 'merchant' AND m.merchant_id = u.owner_id
            LEFT JOIN agent_offices o ON u.owner_kind = 'agent_office' AND o.office_id = u.owner_id
            LEFT JOIN isos i ON u.owner_kind = 'iso' AND i.iso_id = u.owner_id
            WHERE (m.merchant_id IS NULL AND o.office_id IS NULL AND i.iso_id IS NULL)
                OR u.role || '@' || u.owner_kind NOT IN ({_ROLES})
        """,  # noqa: S608 - our own words
    ),
    Rule(
        subject="user {user_id}",
        message="has no password",
        query="""
            SELECT NULL AS merchant_id, u.user_id FROM users u
            LEFT JOIN user_passwords p ON p.user_id = u.user_id WHERE p.user_id IS NULL
        """,
    ),
)
