"""The sign, end to end: a file whose sound was moved by a known amount is told, repaired, and then in sync."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from avts.cli import main
from avts.cli.sync_processes import HERE
from avts.model.checkpoint import save_model
from avts.model.two_stream import TwoStream
from avts.offset.distance_map import scan_features
from avts.offset.features import Features
from avts.settings import recipe_from
from avts.world.take import Take, Truth
from avts.world.writer import encode

FRAME_RATE, SAMPLE_RATE, SECONDS = 24, 16_000, 8.0
NETS = {"video_width": 4, "audio_width": 8, "frame_size": 32, "picture_input": "change", "embedding": 12}


class Beats(nn.Module):
    """A head that says when in the window something happens: twelve steps, even out their mean."""

    def forward(self, sequence: Tensor) -> Tensor:
        steps = nn.functional.adaptive_avg_pool1d(sequence.transpose(1, 2), 12)[:, 0]  # [B, 12]
        return nn.functional.normalize(steps - steps.mean(1, keepdim=True), dim=1)


class FlashesAndBursts(TwoStream):
    """A stand-in without weights: change of brightness against energy of sound."""

    def picture_sequence(self, frames: Tensor) -> Tensor:
        return frames[:, 2].mean((2, 3))[..., None]

    def sound_sequence_dense(self, filterbank: Tensor) -> Tensor:
        return filterbank.mean(1)[:, 3:-3, None].clamp_min(0)  # a feature is centred 3 steps after its start


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder whose model is the stand-in."""
    values = {"model": NETS, "curriculum": [{"name": "e", "epochs": 1}], "training": {"precision": "fp32"}}
    recipe = recipe_from(values, name="r")
    model = FlashesAndBursts(**recipe.model.model_dump()).eval()
    save_model(tmp_path / "run", model, recipe, {})
    # the stand-in's two distances are not what the usual calibration was fitted on; this one takes every peak
    calibration = {"constant": 2.0, "weights": {}, "least_confidence": 0.5}
    (tmp_path / "run" / "calibration.json").write_text(json.dumps(calibration))
    model.low_precision = False
    model.video_head, model.audio_head = Beats(), Beats()
    monkeypatch.setattr("avts.model.checkpoint.load_model", lambda *_, **__: model)
    monkeypatch.setenv(HERE, "1")  # a process of its own would not have the stand-in
    return tmp_path / "run"


def events() -> np.ndarray:
    """Times of the events: irregular, 0.2 to 0.7 s apart."""
    return np.cumsum(np.random.default_rng(4).uniform(0.2, 0.7, 40)) - 1.0


def write_film(path: Path, sound_early_seconds: float) -> Path:
    """Each event switches the light and makes a short burst of noise."""
    at = np.arange(round(SECONDS * FRAME_RATE)) / FRAME_RATE
    bright = (np.searchsorted(events(), at, side="right") % 2).astype(np.uint8)
    frames = np.broadcast_to((60 + 120 * bright)[:, None, None, None], (len(at), 64, 64, 3)).astype(np.uint8).copy()
    frames[:, :32] //= 2
    heard = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE + sound_early_seconds  # the world's time of a sample
    since = heard - events()[np.searchsorted(events(), heard, side="right").clip(1) - 1]
    noise = np.random.default_rng(0).normal(size=len(heard))
    samples = (noise * np.where((since >= 0) & (since < 0.05), 0.2, 0.001)).astype(np.float32)
    encode(Take(frames, samples, Truth("flash", "made", SECONDS, (), sound_early_seconds, 0, 0)), path)
    return path


def lag_by_eye_and_ear(path: Path) -> float:
    """By how much the sound comes early, a second way: first burst against the flash it belongs to, seconds."""
    with av.open(str(path)) as container:
        light = [(float(frame.time), frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        pieces = [(float(frame.time), frame) for frame in container.decode(audio=0)]
    rate = pieces[0][1].sample_rate
    loud = np.concatenate([frame.to_ndarray().reshape(-1)[: frame.samples] for _, frame in pieces])
    steps = np.diff([value for _, value in light])
    flashes = np.array([at for at, _ in light[1:]])[np.abs(steps) > 20]
    power = np.convolve(loud**2, np.full(rate // 100, 100 / rate), "same")
    bursts = pieces[0][0] + np.flatnonzero((power[1:] > 0.005) & (power[:-1] <= 0.005)) / rate
    lags = np.arange(-1.5, 1.5, 0.005)
    fits = [(np.abs(flashes[:, None] - bursts[None] - lag).min(axis=1) < 0.03).sum() for lag in lags]
    return float(np.median(lags[np.array(fits) == max(fits)]))


def sync(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["sync", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(("early", "word"), [(0.4, "early"), (-0.6, "late")])
def test_a_shifted_file_is_told_with_its_sign_and_reads_zero_after_the_repair(
    early: float, word: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_film(tmp_path / "film.mp4", early)
    assert lag_by_eye_and_ear(film) == pytest.approx(early, abs=0.03)
    repaired = tmp_path / "repaired.mp4"
    assert sync(film, "--model", run, "--repair", repaired) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{film}: sound ")
    assert f" ms {word}, confidence " in said.out
    answer = told(repaired, film, run, capsys)
    assert answer["before"] == pytest.approx(early, abs=0.04)
    assert answer["after"] == pytest.approx(0, abs=0.04)
    assert lag_by_eye_and_ear(repaired) == pytest.approx(0, abs=0.04)


def told(repaired: Path, film: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert sync(film, repaired, "--model", run, "--json") == 0
    before, after = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    return {"before": before["offset_seconds"], "after": after["offset_seconds"]}


@pytest.mark.parametrize("early", [-30, -7, 0, 1, 24])
def test_sound_that_comes_early_by_k_frames_is_found_at_plus_k(early: int) -> None:
    rng = np.random.default_rng(0)
    pictures, sounds = (nn.functional.normalize(torch.from_numpy(rng.normal(size=(100, 32)))).numpy() for _ in range(2))
    for window in range(max(early, 0), 100 + min(early, 0)):
        sounds[window - early] = pictures[window]
    there = np.ones(100, dtype=bool)
    heard = there.copy()
    heard[50 - early] = False
    found = scan_features(Features(pictures.astype(np.float16), sounds.astype(np.float16), there, heard, 1.0), 2.0)
    curve = np.nanmean(found.distances, axis=0)
    at = int(curve.argmin())
    assert found.offsets_seconds[at] == pytest.approx(early / FRAME_RATE)
    assert np.flatnonzero(np.isnan(found.distances[:, at])).tolist() == sorted(
        {50, *(window for window in range(100) if not 0 <= window - early < 100)}
    ), "no distance to sound that is silent, before the start or after the end"


def test_the_stand_in_is_no_trained_model() -> None:
    """It must not be able to answer by luck: its embeddings hold only when something happens."""
    assert torch.equal(Beats()(torch.ones(1, 24, 1)), torch.zeros(1, 12))
