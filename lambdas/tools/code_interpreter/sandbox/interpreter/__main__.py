"""The template of interpreters: `python -m interpreter <descriptor>`. Each call's interpreter is a fork of it.

It has imported what every call needs, runs no code of a model and holds no secret. The descriptor is a socket. Each
message on it asks for an interpreter: a JSON list of modules to import first, with the four descriptors of
`interpreter.call.run`; the answer is its process id, eight bytes. The socket's end is the template's.
"""

import gc
import json
import os
import socket
import sys

from interpreter import call, confinement, packages, shell

DESCRIPTORS = 4
MAX_MESSAGE_BYTES = 4_096


def main() -> None:
    """Fork an interpreter for each request."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    # A call's code, which may be of the same user, must neither read nor change what later calls are made from.
    confinement.forbid_inspection()
    ready = shell.create()
    sys.argv[:] = [""]
    # Modules are no garbage, and the collector would touch, and so copy, all of them in each interpreter.
    gc.disable()
    gc.freeze()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE_BYTES, DESCRIPTORS)
        if not asked:
            os._exit(0)
        if modules := json.loads(asked):
            packages.load(modules)
            gc.freeze()
        number = _fork(ready, requests, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.sendall(number.to_bytes(8, "big"))


def _fork(ready: shell.Shell, requests: socket.socket, descriptors: list[int]) -> int:
    """Start an interpreter that is a child of the runtime; return its process id, or 0 if there can't be another.

    The process between it and the template ends at once, so the runtime, which adopts orphans, becomes its parent.
    """
    adoption, adopted = os.pipe()
    answer, answered = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            own = os.fork()
        except OSError:
            os._exit(1)
        if own:
            os.write(answered, own.to_bytes(8, "big"))
            os._exit(0)
        requests.close()
        for descriptor in (adopted, answer, answered):
            os.close(descriptor)
        os.read(adoption, 1)  # Until its parent is the right one.
        os.close(adoption)
        call.run(ready, *descriptors)
    os.close(adoption)
    os.close(answered)
    os.waitpid(between, 0)
    number = int.from_bytes(os.read(answer, 8), "big")
    os.close(answer)
    os.close(adopted)
    return number


if __name__ == "__main__":
    main()
