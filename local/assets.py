"""Puts the assets of a cloud assembly into the CDK's bucket ahead of a deployment, which finds them there.

The layers are 300 MB. The CLI takes 5 s of processor time to send them, as it makes JSON of each body for its log; this
takes 0.2 s.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from botocore.config import Config

from assistants.stack import Stack
from layers.build import pack
from local.emulator import ACCOUNT, REGION

AS_IT_IS = Config(s3={"payload_signing_enabled": False}, request_checksum_calculation="when_required")
"""A body is neither hashed nor summed on its way, which costs both ends a third of their work; the key is its hash."""


def publish(assembly: Path, settings: Mapping[str, str]) -> None:
    """Upload each asset that is not there; a folder as an archive.

    Args:
        assembly: the folder of the cloud assembly; its manifests of assets name key and bucket of each file.
        settings: of the embedded AWS, which is bootstrapped.
    """
    s3 = Stack(settings).client("s3", AS_IT_IS)
    held: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "folder.zip"
        for manifest in assembly.glob("*.assets.json"):
            for asset in json.loads(manifest.read_text())["files"].values():
                for destination in asset["destinations"].values():
                    key, bucket = destination["objectKey"], here(destination["bucketName"])
                    if bucket not in held:
                        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
                        held[bucket] = {found["Key"] for page in pages for found in page.get("Contents", [])}
                    if key in held[bucket]:
                        continue
                    path = assembly / asset["source"]["path"]
                    if asset["source"]["packaging"] == "zip":
                        pack(path, archive, level=1)
                        path = archive
                    with path.open("rb") as body:
                        s3.put_object(Bucket=bucket, Key=key, Body=body)


def here(text: str) -> str:
    """Return what a manifest says with the embedded AWS's account and region in it."""
    for name, value in (("AccountId", ACCOUNT), ("Region", REGION), ("Partition", "aws")):
        text = text.replace(f"${{AWS::{name}}}", value)
    return text
