"""Where a webhook may go, as far as its URL and an address can say: what is wrong with one, and which are public.

Names are resolved by whoever delivers, once for each connection; it asks ``may_be_reached`` of every address it gets.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address

URL_MAX = 2_000
NAME_MAX = 253
"""Characters of a host's name (RFC 1035, section 2.3.4)."""
TRANSLATED = IPv6Network("64:ff9b::/96")
"""Behind it is the IPv4 address of the last four bytes (RFC 6052)."""
UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that was ever given out to the public (RFC 4291, section 2.5.4)."""
SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))
"""Protocols' own (RFC 6890), relays that are no more (RFC 7526), examples (RFC 9637): ``ipaddress`` has not all."""
LOOPBACK_NAME = "localhost"

_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def wrong_with(url: str, *, loopback: bool) -> str | None:
    """Why no webhook goes to ``url``; None if one may. ``loopback``: this very machine is allowed, by plain http too.

    It is an https URL (RFC 3986) with a host, without a user, a password or a fragment, ``URL_MAX`` characters long at
    most. An address in it is public (``is_public``); a name has a dot, and resolving it is the delivery's business.
    """
    if not 1 <= len(url) <= URL_MAX or not _URL.fullmatch(url):
        return f"a URL of 1 to {URL_MAX} ASCII characters (RFC 3986; a name in another script as xn--…)"
    if "#" in url:
        return "a fragment is never sent: leave it out"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not a URL: its host or port cannot be read"
    host = parts.hostname or ""
    at_home = is_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and at_home and loopback):
        return "https only (plain http to loopback only, and only in development)"
    if "@" in parts.netloc:
        return "no user and no password: the signature says who is calling"
    if port == 0:
        return "a port is 1 to 65535"
    return None if at_home and loopback else _wrong_with_host(host, parts)


def is_loopback(host: str) -> bool:
    """Is this host, as it stands in a URL, this very machine (RFC 6761, section 6.3)?"""
    name = host.lower().rstrip(".")
    if name == LOOPBACK_NAME or name.endswith(f".{LOOPBACK_NAME}"):
        return True
    try:
        return behind(ip_address(host)).is_loopback
    except ValueError:
        return False


def may_be_reached(address: Address, *, loopback: bool) -> bool:
    """May a webhook be delivered to this very address?"""
    return is_public(address) or (loopback and behind(address).is_loopback)


def is_public(address: Address) -> bool:
    """Is it an address of the public internet: no private, shared, link-local, reserved or multicast one?

    An IPv4 address in an IPv6 one (mapped, 6to4, Teredo, NAT64) is judged as what it is; of the rest of IPv6 nothing
    outside ``UNICAST`` is one. By the registries of IANA for special-purpose addresses (RFC 6890), as ``ipaddress``
    has them, and ``SPECIAL``.
    """
    real = behind(address)
    if any(real in network for network in SPECIAL):
        return False
    if isinstance(real, IPv6Address) and (real not in UNICAST or real.scope_id):
        return False
    return real.is_global and not real.is_multicast and not real.is_reserved and not real.is_unspecified


def behind(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.teredo is not None:
        return address.teredo[1]
    if address in TRANSLATED:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _wrong_with_host(host: str, parts: SplitResult) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        return _wrong_with_name(host, bracketed="[" in parts.netloc)
    return None if is_public(address) else "not a public address; webhooks never go to private ones"


def _wrong_with_name(host: str, *, bracketed: bool) -> str | None:
    labels = host.removesuffix(".").split(".")
    if bracketed or len(host) > NAME_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        return "not a URL with a host: a name with dots, or an address"
    if _NUMBER.fullmatch(labels[-1]):
        return "an address is written as four numbers with dots, none of them octal"
    if len(labels) == 1 or is_loopback(host):
        return "not a public name; webhooks never go to private ones"
    return None
