"""One worker: ``python -m feed.cli.worker NUMBER LISTENER LIFE TELLS MARK``, as ``feed.processes.workers`` starts it.

The numbers after the first are inherited file descriptors: the socket to accept from, a pipe that ends when the
process that started this one does, and one by which that process is told that requests are answered. By the mark that
process knows this one among those that serve.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

from feed.cli.failures import told
from feed.processes.serving import serve_on
from feed.settings import Settings


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM, or until the process that started this one is gone; returns the exit code."""
    number, listener, life, tells = map(int, arguments[:4])

    def outlive() -> None:
        os.read(life, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=outlive, name="weir-life", daemon=True).start()

    def run() -> int:
        with socket.socket(fileno=listener) as accepting:
            serve_on(Settings(), accepting, lambda: os.write(tells, b"1"), worker=number, mark=arguments[4])
        return 0

    return told(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
