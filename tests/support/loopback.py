"""Keeps tests on this machine."""

from __future__ import annotations

import ipaddress
import sys


class OutsideReached(BaseException):
    """A test tried to leave this machine. No ``except Exception`` may take it for a failing network."""


def confine() -> None:
    """From now on, refuse what Python code of this process sends or looks up elsewhere; there is no way back.

    An audit hook sees every socket, whichever library opened it, but none that C code such as libpq opens.
    """
    sys.addaudithook(_refuse_outside)


def _refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    match event, arguments:
        # An address is a tuple for IP, a path for Unix sockets, None where the socket is connected.
        case (("socket.connect" | "socket.sendto" | "socket.sendmsg"), (_, (host, *_))):
            stays = _is_here(host)
        case "socket.getaddrinfo", (host, *_):
            stays = host is None or _is_here(host)
        case _:
            return
    if not stays:
        raise OutsideReached(f"{event} of {host!r}: tests reach loopback only")


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name in {"", "localhost"}
    return address.is_loopback or address.is_unspecified
