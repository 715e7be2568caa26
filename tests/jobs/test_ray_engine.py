import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.item import Item
from avts.errors import InputError, UsageError
from avts.jobs.pool import CRASHED
from avts.jobs.ray_engine import RETRIES, RayEngine, Shipped
from avts.timebase import Span

OPENER = """
import os, signal

class KillOnce:
    '''Opens a file; the first time it kills the Ray worker whose decoding process it is called in.'''

    def __init__(self, path, marker):
        self.path, self.marker, self.__name__ = path, marker, path.name

    def __call__(self):
        if not self.marker.exists():
            self.marker.write_text(str(os.getppid()))
            os.kill(os.getppid(), signal.SIGKILL)
        return self.path.open("rb")
"""


def test_ray_that_is_not_installed_is_named(tmp_path: Path, put: Callable[..., Path], monkeypatch: Any) -> None:
    put(tmp_path / "films" / "a.mp4")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"engine 'ray' needs ray, not installed here.*pip install -e '\.\[ray\]'"):
        ingest(tmp_path / "films", tmp_path / "corpus", engine="ray")


def test_an_address_without_ray_is_refused(tmp_path: Path, put: Callable[..., Path]) -> None:
    put(tmp_path / "films" / "a.mp4")
    with pytest.raises(UsageError, match=r"address '10.0.0.1:6379' needs a Ray cluster, but the engine is 'local'"):
        ingest(tmp_path / "films", tmp_path / "corpus", address="10.0.0.1:6379")


@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_cluster_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install -e '.[ray]'")

    def refuse(**_: Any) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UsageError, match=r"Ray cluster at 127.0.0.1:1: cannot be joined \(nobody there\)"):
        RayEngine(2, address="127.0.0.1:1", timeout_seconds=1.0, function=print)


class RayError(Exception):
    """As in ray.exceptions, with those that follow."""


class WorkerCrashedError(RayError): ...


class NodeDiedError(RayError): ...


class OutOfMemoryError(RayError): ...


class ObjectLostError(RayError): ...


class ObjectReconstructionFailedError(ObjectLostError): ...


class LocalRayletDiedError(RayError): ...


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__("a traceback of many lines")
        self.cause = cause


ERRORS = (
    RayError, WorkerCrashedError, NodeDiedError, OutOfMemoryError, ObjectLostError, ObjectReconstructionFailedError,
    LocalRayletDiedError, RayTaskError,
)  # fmt: skip


@dataclass(frozen=True)
class Numbered:
    number: int
    staged: Path


Answer = Exception | Shipped


class Cluster:
    """A cluster that answers each submission of a task with the next of its answers."""

    def __init__(self, answers: dict[int, list[Answer]]) -> None:
        self.answers, self.submitted = answers, Counter[int]()

    def engine(self, monkeypatch: pytest.MonkeyPatch) -> RayEngine:
        ray: Any = ModuleType("ray")
        ray.__spec__ = ModuleSpec("ray", None)
        ray.is_initialized = lambda: True
        ray.cluster_resources = lambda: {"CPU": 1}
        ray.exceptions = SimpleNamespace(**{each.__name__: each for each in ERRORS})
        ray.remote = lambda **_: lambda _: SimpleNamespace(remote=self.submit)
        ray.get, ray.cancel = self.get, lambda *_, **__: None
        monkeypatch.setitem(sys.modules, "ray", ray)
        return RayEngine(1, address=None, timeout_seconds=1.0, function=print)

    def submit(self, _: object, task: Numbered, __: float) -> Answer:
        self.submitted[task.number] += 1
        return self.answers[task.number].pop(0)

    def get(self, reference: Answer) -> Shipped:
        if isinstance(reference, Exception):
            raise reference
        return reference


def tasks(folder: Path, count: int) -> list[Numbered]:
    return [Numbered(number, folder / str(number)) for number in range(count)]


def test_the_stand_ins_are_named_and_derived_as_rays_own() -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -e '.[ray]'")
    real = importlib.import_module("ray.exceptions")
    for each in ERRORS:
        assert [base.__name__ for base in getattr(real, each.__name__).__mro__] == [
            base.__name__ for base in each.__mro__
        ]


def test_a_lost_result_is_made_again_and_a_lost_machine_costs_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Shipped("done", {".txt": b"made"})
    cluster = Cluster({
        0: [done],
        1: [WorkerCrashedError()],
        2: [NodeDiedError()],
        3: [OutOfMemoryError()],
        4: [ObjectLostError(), ObjectReconstructionFailedError(), ObjectLostError(), done],
        5: [ObjectLostError()] * 4,
        6: [ObjectLostError(), NodeDiedError()],
        7: [done],
    })  # fmt: skip
    results = list(cluster.engine(monkeypatch).run(tasks(tmp_path, 8)))
    assert [task.number for task, _ in results] == list(range(8))
    assert [result for _, result in results] == ["done", *[CRASHED] * 3, "done", CRASHED, CRASHED, "done"]
    assert dict(cluster.submitted) == {0: 1, 1: 1, 2: 1, 3: 1, 4: 4, 5: 1 + RETRIES, 6: 2, 7: 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.txt", "4.txt", "7.txt"]


@pytest.mark.parametrize(
    ("answer", "raised", "message"),
    [
        (RayTaskError(UsageError("no such thing.")), UsageError, r"^no such thing\.$"),
        (RayTaskError(OSError(28, "no space")), OSError, "no space"),
        (
            RayTaskError(ModuleNotFoundError("No module named 'avts'")),
            UsageError,
            r"^a machine of the Ray cluster cannot run avts \(No module named 'avts'\)\. Install the same avts on all",
        ),
        (
            LocalRayletDiedError("gone\nand more"),
            InputError,
            r"^the Ray cluster failed \(LocalRayletDiedError: gone\)\. Run the same command again; what is done",
        ),
    ],
)
def test_what_a_task_raises_is_raised_here_and_a_failed_cluster_is_one_error(
    answer: Exception, raised: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(raised, match=message):
        list(Cluster({0: [answer]}).engine(monkeypatch).run(tasks(tmp_path, 1)))


@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_cluster_that_loses_a_worker_makes_the_same_corpus(
    tmp_path: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install -e '.[ray]'")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "opener_of_test.py").write_text(OPENER)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from opener_of_test import KillOnce  # type: ignore[import-not-found]

    class Films:
        def items(self) -> list[Item]:
            return [
                Item(path.name, KillOnce(path, tmp_path / "killed") if index == 2 else path)
                for index, path in enumerate(paths)
            ]

    paths = [put(tmp_path / "films" / f"{index}.mp4") for index in range(5)]
    paths.append(tmp_path / "films" / "bad.mp4")
    paths[-1].write_text("no film")
    (tmp_path / "killed").touch()
    local = ingest(Films(), tmp_path / "local", short_side=16, workers=2)
    (tmp_path / "killed").unlink()
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1",
        object_store_memory=100 * 2**20,
    )  # fmt: skip
    try:
        cluster = ingest(Films(), tmp_path / "cluster", short_side=16, engine="ray")
    finally:
        ray.shutdown()
    assert int((tmp_path / "killed").read_text()) > 0
    assert (cluster.taken, cluster.refused) == (local.taken, local.refused) == (5, local.refused)
    one, other = Corpus.open(tmp_path / "local"), Corpus.open(tmp_path / "cluster")
    assert [clip.key for clip in one.clips] == [clip.key for clip in other.clips] == list("01234")
    for first, second in zip(one.clips, other.clips, strict=True):
        whole = Span(0.0, first.duration_seconds)
        assert (one.sound(first, whole) == other.sound(second, whole)).all()
        assert (one.frames(first, whole).y == other.frames(second, whole).y).all()
