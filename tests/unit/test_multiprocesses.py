"""Code of a cell uses several processes, by whatever start method it asks for, where there are no semaphores."""

import pytest

from tests.support.sandboxes import Environment

CODES = {
    "forkserver": (
        "import multiprocessing as mp\ndef sq(x): return x * x\nif __name__ == '__main__':\n"
        "    mp.set_start_method('forkserver', force=True)\n    with mp.Pool(2) as p: print(p.map(sq, range(5)))\n"
        "del p",
        "[0, 1, 4, 9, 16]",
    ),
    "spawn": (
        "import multiprocessing as mp\ncontext = mp.get_context('spawn')\ndef put(queue): queue.put('sent')\n"
        "queue = context.Queue(); process = context.Process(target=put, args=(queue,)); process.start()\n"
        "print(queue.get(), process.join(), process.exitcode)\ndel queue, process",
        "sent None 0",
    ),
    "executor": (
        "from concurrent.futures import ProcessPoolExecutor\ndef sq(x): return x * x\n"
        "with ProcessPoolExecutor(2) as pool: print(list(pool.map(sq, range(4))))\ndel pool",
        "[0, 1, 4, 9]",
    ),
    "lambda in a thread pool": (
        "from multiprocessing.pool import ThreadPool\n"
        "with ThreadPool(2) as pool:\n    print(pool.map(lambda x: x + 1, [1]))\n"
        "del pool",
        "[2]",
    ),
    "shared value and lock": (
        "import multiprocessing as mp\nvalue, lock = mp.Value('i', 0), mp.Lock()\ndef add():\n"
        "    for _ in range(200):\n        with lock: value.value += 1\n"
        "processes = [mp.Process(target=add) for _ in range(3)]\nfor p in processes: p.start()\n"
        "for p in processes: p.join()\nprint(value.value)\ndel processes, p, value, lock",
        "600",
    ),
    "barrier, event, condition and semaphore": (
        "import multiprocessing as mp\nevent, barrier, seen = mp.Event(), mp.Barrier(3), mp.SimpleQueue()\n"
        "def work():\n    barrier.wait(10); event.wait(10); seen.put(1)\n"
        "processes = [mp.Process(target=work) for _ in range(2)]\nfor p in processes: p.start()\n"
        "barrier.wait(10); event.set()\nfor p in processes: p.join()\nprint(seen.get() + seen.get(), event.is_set())\n"
        "s = mp.BoundedSemaphore(2)\nprint(s.acquire(), s.acquire(), s.acquire(timeout=0.1))\n"
        "print(s.release(), s.release())\n"
        "try: s.release()\nexcept ValueError as error: print(error)\n"
        "r = mp.RLock(); print(r.acquire(), r.acquire(), r.release(), r.release())\n"
        "try: r.release()\nexcept AssertionError as error: print(error)\ndel event, barrier, seen, s, r, processes, p",
        "2 True\nTrue True False\nNone None\nsemaphore or lock released too many times\nTrue True None None\n"
        "attempt to release recursive lock not owned by thread",
    ),
    "manager": (
        "import multiprocessing as mp\nwith mp.Manager() as manager:\n    shared = manager.dict()\n"
        "    def put(): shared['a'] = 1\n    p = mp.Process(target=put); p.start(); p.join(); print(dict(shared))\n"
        "del manager, shared, p",
        "{'a': 1}",
    ),
    "an error in a worker": (
        "import multiprocessing as mp\ndef fail(x): raise ValueError(x)\nwith mp.Pool(2) as p:\n"
        "    try: p.map(fail, [1])\n    except ValueError as error: print(error)\ndel p",
        "1",
    ),
}


@pytest.mark.parametrize("name", CODES)
def test_code_uses_several_processes(environment: Environment, name: str) -> None:
    code, expected = CODES[name]
    [(output, reason, _)] = environment.run(code, seconds=30)
    assert (output.strip(), reason) == (expected, "")
