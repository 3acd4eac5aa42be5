"""The local stack's port, and the two lock files that one virtual environment serves."""

import os
import re
import socket

import psutil
import pytest

from local.paths import ROOT
from local.processes import LocalError, required_port

PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", re.MULTILINE)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LocalError, match=rf"Port {port} is taken by `.*` \(process {os.getpid()}\).*LOCAL_PORT"):
            required_port(port)
    assert required_port(port) == port
    assert required_port(0) > 0


def test_a_taken_port_is_named_where_a_user_sees_the_connections_of_each_process_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    monkeypatch.setattr(psutil, "pids", lambda: [1, os.getpid()])
    taken = pytest.raises(LocalError, match=rf"is taken by `.*` \(process {os.getpid()}\)")
    with socket.create_server(("127.0.0.1", 0)) as listener, taken:
        required_port(listener.getsockname()[1])


def test_one_environment_serves_for_deploying_and_developing() -> None:
    deploying, developing = (
        dict(PIN.findall((ROOT / name).read_text())) for name in ("requirements.txt", "local/requirements.txt")
    )
    assert len(deploying) > 20
    assert deploying.keys() <= developing.keys()
    chosen = dict(PIN.findall((ROOT / "requirements.in").read_text()))
    assert len(chosen) > 5
    assert {name: developing[name] for name in chosen} == {name: deploying[name] for name in chosen} == chosen
