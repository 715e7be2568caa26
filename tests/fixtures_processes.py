"""Two processes that train together, started once for all tests that look at what they left."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import two_processes
from avts.corpus.corpus import Corpus
from fixtures_http import Serve


@dataclass(frozen=True)
class Pair:
    """What two processes left: a folder of results, and what they said."""

    out: Path
    said: str


@pytest.fixture(scope="session")
def pair(small_corpus: Corpus, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The two processes of tests/two_processes.py; they talk over the loopback interface, on a free port."""
    out = tmp_path_factory.mktemp("pair")
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", two_processes.__file__]
    done = subprocess.run(
        [sys.executable, *words, str(small_corpus.path), serve(small_corpus.path).url, str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path), "GLOO_SOCKET_IFNAME": "lo"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return Pair(out, done.stdout)
