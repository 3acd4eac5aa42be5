"""Decides which URLs may be fetched for a caller: http and https, ports 80 and 443, hosts with public addresses only.

What is private, link-local or reserved is a way into the networks of whoever runs this, to the credentials of the
machine (169.254.169.254) or to the function's own runtime.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LENGTH = 8_192

NOT_PUBLIC = "its host has no public address"
"""Said of a name that is unknown as well as of one that is private, so that nobody learns which names there are."""

_PORTS = {"http": 80, "https": 443}
_ALSO_REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's platform, at a public address
        "192.0.0.0/24",  # protocols of the network itself, and metadata of some clouds
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/4",  # multicast, which Python calls global
        # Addresses that carry another one, which some network would send them on to:
        "2001::/23",  # Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation, which older Pythons do not know of
    )
]
_UNICAST = ipaddress.ip_network("2000::/3")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


class Unfit(ValueError):
    """The URL may not be fetched; the text says why, after "it" or "its" (`its host has no public address`)."""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that may be fetched, if its host's addresses may.

    Attributes:
        host: a name in ASCII, or an address without brackets.
        target: path and query, as a request has them.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Url:
    """The parts of a URL that may be fetched. Nothing is resolved.

    Raises:
        Unfit: it may not.
    """
    if len(url) > LENGTH:
        raise Unfit(f"it is longer than {LENGTH:,} characters")
    # Parsers disagree on these: what one takes for the path is the host for the next.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise Unfit("it holds spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii(parts.hostname or "")
    except ValueError:
        raise Unfit("it is not a URL") from None
    if parts.scheme not in _PORTS:
        raise Unfit("its scheme is neither http nor https")
    if parts.username is not None or parts.password is not None:
        raise Unfit("it holds a user name or a password")
    if not host:
        raise Unfit("it names no host")
    port = _PORTS[parts.scheme] if port is None else port
    if port not in _PORTS.values():
        raise Unfit("its port is neither 80 nor 443")
    address = literal(host)
    if address and not is_public(address):
        raise Unfit(NOT_PUBLIC)
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + ("?" if parts.query else "")
    return Url(parts.scheme, host, port, target + quote(parts.query, safe="/?%:@!$&'()*+,;=~[]"))


def _ascii(host: str) -> str:
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    # As a resolver would: full-width digits and dots become those of an address.
    name = host.encode("idna").decode().lower().removesuffix(".")
    if not re.fullmatch(r"[a-z0-9._-]*", name):
        raise ValueError("not a name")
    return name


def literal(host: str) -> Address | None:
    """The address that a host spells, in any of the forms that resolvers take (`127.1`, `0x7f000001`); else None."""
    if ":" in host:
        return ipaddress.IPv6Address(host)
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Return whether the address is a global unicast one, and carries no other address in it."""
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _UNICAST or address.scope_id or address.packed[8:12] in _ISATAP
    ):
        return False
    return address.is_global and not any(
        address in network for network in _ALSO_REFUSED if network.version == address.version
    )
