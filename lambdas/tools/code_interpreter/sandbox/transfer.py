"""Files from and to the bucket, by addresses that were signed elsewhere: this function has no rights there itself."""

import shutil
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

TIMEOUT = 60
LOOK_TIMEOUT = 5
_opener = build_opener(ProxyHandler({}))


class NotThere(Exception):
    """S3 gives no such object: there is none, or none for this address."""


class TooLarge(Exception):
    """The object is larger than a file may be."""


def fetch(url: str, path: Path, most_bytes: int) -> None:
    """Write an object to a new file.

    Raises:
        NotThere, TooLarge, OSError.
    """
    with path.open("xb") as file:
        try:
            fetch_into(url, file, most_bytes)
        except NotThere:
            path.unlink()
            raise


def fetch_into(url: str, file: IO[bytes], most_bytes: int) -> None:
    """Write an object to an open file.

    Raises:
        NotThere, TooLarge, OSError.
    """
    try:
        with _opener.open(url, timeout=TIMEOUT) as response:
            if int(response.headers["Content-Length"]) > most_bytes:
                raise TooLarge
            shutil.copyfileobj(response, file)
    except HTTPError as error:
        # 403 is S3's answer wherever the signer, or the policy of the network's endpoint, may not list the bucket.
        if error.code in (403, 404):
            raise NotThere from None
        raise


def is_there(url: str) -> bool:
    """Return whether there is an object.

    Raises:
        OSError: S3 gave no answer.
    """
    try:
        with _opener.open(url, timeout=LOOK_TIMEOUT):
            return True
    except HTTPError as error:
        if error.code in (403, 404):  # As above.
            return False
        raise


def store(url: str, file: IO[bytes], size: int) -> None:
    """Write a file to an object.

    Raises:
        OSError: it could not be written.
    """
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    with _opener.open(Request(url, data=file, headers=headers, method="PUT"), timeout=TIMEOUT):  # noqa: S310
        pass
