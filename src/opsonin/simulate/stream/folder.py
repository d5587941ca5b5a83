"""The folder of a stream: what it is of, which parts are finished, and what has been reduced so far.

    stream.json      what was asked for; at the end also the files with their sizes, and the failures
    finished.jsonl   one line a finished part, while the work goes on; gone at the end
    reduced.npz      the states of the reducers and how many parts are in them
    outputs/, patients/, outputs.zarr/   see tables.py and arrays.py

A part's files are put in place whole and its line is written after them, so that a process may be killed at any moment:
what has no line is computed again, to the same bytes.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from opsonin.errors import SimulationError

ABOUT, LOG, REDUCED = "stream.json", "finished.jsonl", "reduced.npz"
DIGESTS = ("model", "patients and doses")  # kept as digests, which say nothing to a reader
TEMPORARY = ".writing"  # ends the names of files that are not whole yet
TOLD = 10  # failures that stand in stream.json; all of them stand in the patients' table


def put(path: Path, content: bytes) -> None:
    """A file written whole or not at all."""
    aside = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


class Ledger:
    """Opens the folder of a stream, new or to go on, and keeps its books.

    finished: part -> its line.   Raises: SimulationError where the folder is not what is asked for.
    """

    def __init__(self, folder: Path, asked: dict[str, Any], resume: bool):
        self.folder, self.asked = folder, asked
        self.finished: dict[int, str] = {}  # as written, which takes the least memory
        self._log: IO[str] | None = None
        present = _read(folder / ABOUT)
        if present is None:
            self._refuse_foreign()
            try:
                folder.mkdir(parents=True, exist_ok=True)
                put(folder / ABOUT, _text({**asked, "complete": False}))
            except OSError as problem:
                raise SimulationError(
                    f"the folder {folder} cannot be written: {problem.strerror or problem}; name another one."
                ) from problem
        elif not resume:
            state = "a complete simulation" if present.get("complete") else "a simulation that was not finished"
            raise SimulationError(f"{folder} holds {state}; go on with it (--resume), or name another folder.")
        else:
            _compare(folder, present, asked)
        self.complete = bool(present and present.get("complete"))
        if self.complete:
            (folder / LOG).unlink(missing_ok=True)  # killed between the last two steps
            self.failures = present["failures"] if present else {}
            return
        self._open_log()
        self._tidy()

    def note(self, number: int, told: dict[str, Any]) -> None:
        """A part is finished and its files are in place."""
        line = json.dumps({"part": number, **told})
        self.finished[number] = line
        if self._log is not None:
            self._log.write(f"{line}\n")
            self._log.flush()

    def reduced(self) -> tuple[int, list[dict[str, np.ndarray]]]:
        """How many parts, from the first on, are in the reducers' states, and the states."""
        path = self.folder / REDUCED
        if not path.is_file():
            return 0, []
        try:
            with np.load(path, allow_pickle=False) as kept:
                states: list[dict[str, np.ndarray]] = [{} for _ in range(int(kept["reducers"]))]
                for name in kept.files:
                    if "/" in name:
                        states[int(name.split("/")[0])][name.split("/", 1)[1]] = kept[name]
                return int(kept["parts"]), states
        except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as problem:
            raise SimulationError(
                f"{path} is damaged ({problem}); delete it, and all parts are reduced anew."
            ) from None

    def keep(self, parts: int, states: list[dict[str, np.ndarray]]) -> None:
        """Keep the reducers' states; the same states give the same bytes."""
        arrays = {"parts": np.array(parts), "reducers": np.array(len(states))}
        arrays |= {f"{n}/{name}": value for n, state in enumerate(states) for name, value in sorted(state.items())}
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, value in arrays.items():
                one = io.BytesIO()
                np.lib.format.write_array(one, np.asarray(value), allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy")  # without the hour, which NumPy's own writer would note
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, one.getvalue())
        put(self.folder / REDUCED, whole.getvalue())

    def close(self, complete: bool) -> None:
        """End the work; `complete` where every part is there."""
        if complete and not self.complete:
            parts = [json.loads(self.finished[number]) for number in sorted(self.finished)]
            self.failures = failures_of(parts)
            files = {name: size for told in parts for name, size in told["files"].items()}
            done = {**self.asked, "complete": True, "failures": self.failures, "files": files}
            put(self.folder / ABOUT, _text(done))
            (self.folder / LOG).unlink(missing_ok=True)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _open_log(self) -> None:
        path = self.folder / LOG
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
        for line in lines[:-1]:  # the last one has no end where the process was killed while it wrote
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                continue
            if self._there(told):
                self.finished[told["part"]] = line
        self._log = path.open("a", encoding="utf-8")
        _lock(self._log, self.folder)
        if lines and lines[-1]:
            self._log.write("\n")

    def _there(self, told: dict[str, Any]) -> bool:
        """Whether the files of a part are as they were noted."""
        try:
            return all((self.folder / name).stat().st_size == size for name, size in told["files"].items())
        except OSError:
            return False

    def _tidy(self) -> None:
        for path in self.folder.rglob("*"):
            if path.suffix in (TEMPORARY, ".partial"):  # ours and Zarr's
                path.unlink(missing_ok=True)

    def _refuse_foreign(self) -> None:
        if not self.folder.exists():
            return
        if not self.folder.is_dir():
            raise SimulationError(f"{self.folder} is a file; name a folder for the tables.")
        if any(not path.name.endswith(TEMPORARY) for path in self.folder.iterdir()):
            raise SimulationError(f"{self.folder} holds something else; name a new or an empty folder.")


def failures_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """How many patients failed in all, and the first of them, from what was told of each part."""
    first = [one for told in parts for one in told["failures"]][:TOLD]
    return {"patients": sum(told["failed"] for told in parts), "first": first}


def _lock(file: IO[str], folder: Path) -> None:
    """One process at a time; the lock ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs at once would only do the same work twice
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SimulationError(f"another process is writing to {folder}; wait for it, or name another folder.") from None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (UnicodeDecodeError, json.JSONDecodeError) as problem:
        raise SimulationError(f"{path} is damaged ({problem}); name another folder.") from None


def _compare(folder: Path, present: dict[str, Any], asked: dict[str, Any]) -> None:
    different = [name for name, value in asked.items() if present.get(name) != value]
    if different:
        name = different[0]
        was, now = (_short(one.get(name)) for one in (present, asked))
        how = f"its {name} is {was}, now it is {now}"
        if name in DIGESTS:
            how = f"it is of {'another model' if name == 'model' else 'other patients or doses'}"
        raise SimulationError(
            f"{folder} holds another simulation, which cannot be gone on with: {how}. Ask for the same, or name "
            "another folder."
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _text(about: dict[str, Any]) -> bytes:
    return (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()
