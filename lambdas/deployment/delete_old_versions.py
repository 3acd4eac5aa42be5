"""Deletes the versions of functions that no run waits on any more: with SnapStart, each is billed as long as it exists.

A run goes on with the version that it started on, for 24 hours at most. It can start on a version until the deployment
of the next one has ended. So a version is deleted when a newer one has existed for two days.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import boto3

KEPT = timedelta(days=2)
"""How long a version is kept after the next one was published: the longest run, and a day for the deployment."""

logger = logging.getLogger()


def handler(event: dict[str, dict[str, str]], context: Any) -> None:
    """Delete old versions of functions.

    Args:
        event: `{"current": {function name: version}}`, the versions that are deployed, which are never deleted.
    """
    for name, current in event["current"].items():
        pages = _lambda().get_paginator("list_aliases").paginate(FunctionName=name)
        aliases = [alias for page in pages for alias in page["Aliases"]]
        for version in _old_versions(name, current, datetime.now(UTC)):
            _delete(name, version, {alias["Name"] for alias in aliases if version in _versions_of(alias)})


def _old_versions(name: str, current: str, now: datetime) -> Iterator[str]:
    pages = _lambda().get_paginator("list_versions_by_function").paginate(FunctionName=name)
    versions = [version for page in pages for version in page["Versions"] if version["Version"] != "$LATEST"]
    versions.sort(key=lambda version: int(version["Version"]))
    for version, newer in pairwise(versions):
        superseded = datetime.fromisoformat(newer["LastModified"])
        if version["Version"] != current and now - superseded > KEPT:
            yield version["Version"]


def _versions_of(alias: dict[str, Any]) -> set[str]:
    return {alias["FunctionVersion"], *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})}


def _delete(name: str, version: str, aliases: set[str]) -> None:
    """Delete a version and the alias that is named after it; leave one that has other aliases."""
    if aliases - {f"v{version}"}:
        logger.warning("Version %s of %s is kept: it has an alias that an operator made.", version, name)
        return
    if aliases:
        _lambda().delete_alias(FunctionName=name, Name=f"v{version}")
    _lambda().delete_function(FunctionName=name, Qualifier=version)
    logger.info("Version %s of %s is deleted.", version, name)


@cache
def _lambda() -> Any:
    return boto3.client("lambda")
