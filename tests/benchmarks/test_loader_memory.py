from pathlib import Path

import pytest

from benchmarks.loader_memory import Held, growth, held, write_figure


def test_growth_is_the_slope_without_the_warm_up() -> None:
    noted = [Held(1000 * k, 500 + 0.002 * 1000 * k if k > 10 else 0.0, 900) for k in range(1, 101)]
    slope, error = growth(noted)
    assert slope == pytest.approx(2000, rel=1e-6)
    assert error == pytest.approx(0, abs=1e-6)


def test_what_a_process_holds_is_seen() -> None:
    before = held(0).own_megabytes
    block = bytearray(b"x") * 50_000_000  # from 32 MiB on malloc takes nothing from what it holds
    assert held(0).own_megabytes - before == pytest.approx(len(block) / 2**20, abs=5)


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    write_figure(tmp_path / "f.png", [(1000, 10, 20), (2000, 11, 20)], slope_per_million=1.0, error_per_million=0.5)
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
