"""Decides which requests the local stack answers: those of programs on this machine, and of no page in a browser.

Every page that a browser shows reaches the loopback address, directly or by a name of its own that leads there (DNS
rebinding). What gives it away are headers that it can't forge.
"""

from collections.abc import Container, Sequence


def is_from_a_program(headers: Sequence[tuple[str, str]], ports: Container[str]) -> bool:
    """Return whether a server on these ports answers a request with these headers, by their names in lower case."""
    hosts = [value for name, value in headers if name == "host"]
    return len(hosts) == 1 and is_local(hosts[0], ports) and not is_from_a_page(headers)


def is_local(host: str, ports: Container[str]) -> bool:
    """Return whether a `Host` header names the loopback and one of these ports."""
    name, _, port = host.lower().rpartition(":")
    return port in ports and (name in ("127.0.0.1", "localhost") or name.endswith(".localhost"))


def is_from_a_page(headers: Sequence[tuple[str, str]]) -> bool:
    """Return whether headers, by their names in lower case, are those of a page's request.

    `Sec-Fetch-Site: none` is what a person asked for by typing an address (https://www.w3.org/TR/fetch-metadata/).
    """
    return any(name == "origin" or (name == "sec-fetch-site" and value != "none") for name, value in headers)
