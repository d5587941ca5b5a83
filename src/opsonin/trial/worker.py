"""What runs in a worker process: jobs in, pieces out (see workers.py)."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

from opsonin.errors import OpsoninError


def serve() -> None:
    """Build the world, then simulate every job that comes, until no more come."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a user's therapy prints must not get among the pieces

    def say(what: Any) -> None:
        pickle.dump(what, channel, protocol=pickle.HIGHEST_PROTOCOL)
        channel.flush()

    try:
        recipe, threads = pickle.load(sys.stdin.buffer)
        world = recipe()
        while True:
            say(world.simulate(pickle.load(sys.stdin.buffer), threads, say))
    except OpsoninError as problem:
        say(problem)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the run is over; nobody reads what is still unsaid
