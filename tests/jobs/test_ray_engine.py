import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.item import Item
from avts.errors import UsageError
from avts.jobs.ray_engine import RayEngine
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
