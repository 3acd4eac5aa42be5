"""Reads what the tests' own tool left behind for a run (`tests/tools/laboratory`)."""

import time

from assistant_engine.domain.run import Run
from tests.support.driver import Driver


def traces(driver: Driver, run: Run) -> list[str]:
    """Return what the laboratory did for a run, in order."""
    prefix = f"laboratory/{run.id}/"
    listed = driver.client("s3").list_objects_v2(Bucket=driver.store.blobs.bucket, Prefix=prefix)
    names = [item["Key"].removeprefix(prefix).split("-") for item in listed.get("Contents", [])]
    return [what for what, _ in sorted(names, key=lambda name: name[1])]


def until_trace(driver: Driver, run: Run, what: str) -> None:
    """Wait until the laboratory has done something for a run."""
    deadline = time.monotonic() + 60
    while what not in traces(driver, run):
        assert time.monotonic() < deadline, traces(driver, run)
        time.sleep(0.2)
