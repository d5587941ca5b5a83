"""The small model's world, made by a function that worker processes can import."""

from opsonin.trial.world import World
from trial import small

SEED = 11


def make(patients: int = 120) -> World:
    model = small.small_model()
    return World(model, small.small_patients(model, patients), small.small_protocol(), SEED)


def without_patients() -> World:
    from opsonin.errors import StudyError

    raise StudyError("this world has no patients.")


def killed() -> World:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return make()
