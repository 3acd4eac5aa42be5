"""Puts the archives of a cloud assembly into the CDK's bucket ahead of `cdk deploy`, which finds them there.

The layers are 300 MB. The CLI takes 5 s of processor time to send them, as it makes JSON of each body for its log; this
takes 0.6 s.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from assistants.stack import Stack
from local import emulator


def publish(assembly: Path, settings: Mapping[str, str]) -> None:
    """Upload each asset that is an archive already and is not there; the CLI packs and uploads the rest.

    Args:
        assembly: the folder of the cloud assembly; its manifests of assets name key and bucket of each file.
        settings: of the embedded AWS, which is bootstrapped.
    """
    s3 = Stack(settings).client("s3")
    held: dict[str, set[str]] = {}
    for manifest in assembly.glob("*.assets.json"):
        for asset in json.loads(manifest.read_text())["files"].values():
            if not asset["source"]["path"].endswith(".zip"):
                continue
            for destination in asset["destinations"].values():
                key, bucket = destination["objectKey"], destination["bucketName"]
                for name, value in (("AccountId", emulator.ACCOUNT), ("Region", emulator.REGION)):
                    bucket = bucket.replace(f"${{AWS::{name}}}", value)
                if bucket not in held:
                    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
                    held[bucket] = {found["Key"] for page in pages for found in page.get("Contents", [])}
                if key not in held[bucket]:
                    with (assembly / asset["source"]["path"]).open("rb") as archive:
                        s3.put_object(Bucket=bucket, Key=key, Body=archive)
