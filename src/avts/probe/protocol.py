"""One probe of sounds from recordings to a score: which features, which windows, which classifier, and its recipe."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from avts.corpus.manifest import CORPUS_NAME
from avts.corpus.sources import esc10, kitchen20
from avts.corpus.sources.dcase2014 import FOLD_LIST
from avts.errors import UsageError
from avts.features.pooling import pooling_of
from avts.features.recordings import Recording
from avts.jobs.refusal import Refusal
from avts.model.two_stream import TwoStream
from avts.probe.classifiers import INNER_FOLDS, STRENGTHS, ClassifierName
from avts.probe.cross_validation import Score, linear_probe
from avts.probe.scratch import ScratchSettings, SoundClassifier, banks_of, from_scratch
from avts.probe.sound_features import OnProgress, cepstral_features, hear, sounds_of, tower_features
from avts.settings import AnyRecipe, Settings, read_settings, shipped_recipes


class ProbeFeatures(Settings):
    """The features of a recording."""

    kind: Literal["tower", "mfcc"] = Field("tower", description="maps of the audio tower, or cepstral coefficients")
    windows: int = Field(10, ge=1, description="windows per recording, evenly spaced; their scores are averaged")
    stage: str = Field("conv5", description="stage of the audio tower")
    poolings: tuple[str, ...] = Field(
        ("4xsd",),
        strict=False,
        min_length=1,
        description="pooling of its maps; of several, the best within the training folds",
    )


class ProbeClassifier(Settings):
    """The classifier on the features."""

    name: ClassifierName = Field("svm", description="linear SVM, logistic regression, or nearest neighbours")
    strengths: tuple[float, ...] = Field(
        (),
        strict=False,
        description="candidates for C, or for the number of neighbours; the defaults of the classifier if empty",
    )
    inner_folds: int = Field(
        4, ge=2, description="inner folds of the training recordings, to choose pooling and strength"
    )


class ProbeFolds(Settings):
    """Folds, if the collection does not define any."""

    drawn: int = Field(5, ge=2, description="number of folds")
    by_group: bool = Field(
        False, description="draw folds that part no group (an author, a source), even if the collection defines some"
    )


class ProbeScratch(Settings):
    """The network that --from-scratch trains on the labels."""

    epochs: int = Field(24, ge=1, description="epochs of the training on all training recordings")
    windows: int = Field(2, ge=1, description="windows per recording and epoch")
    batch_size: int = Field(16, ge=2, description="windows per step")
    least_steps: int = Field(300, ge=1, description="minimum number of steps")
    learning_rates: tuple[float, ...] = Field(
        (1e-3, 4e-3), strict=False, min_length=1, description="candidate learning rates"
    )
    trial_share: float = Field(
        0.25, gt=0, le=1, description="length of the trial of a rate, as a share of the training"
    )
    weight_decay: float = Field(0.05, ge=0, description="weight decay")


class ProbeRecipe(AnyRecipe):
    """Everything that determines what `avts probe sounds` measures, apart from the recordings and the networks."""

    folders = ("probe",)

    features: ProbeFeatures = ProbeFeatures()
    classifier: ProbeClassifier = ProbeClassifier()
    folds: ProbeFolds = ProbeFolds()
    scratch: ProbeScratch = ProbeScratch()


def read_probe_recipe(path: Path) -> ProbeRecipe:
    """Read a recipe of `avts probe sounds`.

    Raises:
        SettingsError: no such file, not TOML, an unknown key (names the nearest known one), or a value out of range.
    """
    return read_settings(path, ProbeRecipe)


def default_probe_recipe(layout: str | None) -> Path:
    """The bundled recipe for a layout; sounds.toml if there is none. ESC-10 is a part of ESC-50."""
    folder = shipped_recipes() / "probe"
    own = folder / f"{'esc50' if layout == 'esc10' else layout}.toml"
    return own if layout and own.is_file() else folder / "sounds.toml"


CHOSEN = "chosen within the training folds"


@dataclass(frozen=True)
class SoundProbe:
    """What is probed, and how.

    Attributes:
        window_seconds: length of a window.
        num_windows: of each recording.
        classifier: on the features.
        features: 'tower' or 'mfcc'.
        stage: of the audio tower.
        poolings: of its maps, one or several to choose from.
        strengths: C, or neighbours, to choose from; none takes the usual.
        inner_folds: of the training recordings, to choose by.
        scratch: train the net on the labels instead, like this.
        seed: of all that is random.
    """

    window_seconds: float
    num_windows: int
    classifier: ClassifierName = "svm"
    features: str = "tower"
    stage: str = "conv5"
    poolings: tuple[str, ...] = ("4x4",)
    strengths: tuple[float, ...] = ()
    inner_folds: int = INNER_FOLDS
    scratch: ScratchSettings | None = None
    seed: int = 0

    def prepare(
        self, model: TwoStream, recordings: Sequence[Recording], *, on_progress: OnProgress | None = None
    ) -> tuple[list[Recording], Score, list[Refusal]]:
        """Read the recordings and make ready what fits and scores.

        Args:
            model: the networks; fresh ones to be trained from scratch.
            recordings: labelled.
            on_progress: called with (recordings read, recordings).

        Returns:
            The recordings that could be read, what `probe` wants, and why the others could not.

        Raises:
            UsageError: no such stage or pooling.
            CorpusError: no recording could be read.
        """
        poolings = [pooling_of(each) for each in self.poolings]
        if self.stage not in model.audio.named_stages():
            raise UsageError(f"stage '{self.stage}': the audio tower has {', '.join(model.audio.named_stages())}")
        if self.scratch is not None:
            return self._to_train(model, recordings, self.scratch, on_progress)
        extract = cepstral_features if self.features == "mfcc" else tower_features(model, self.stage, poolings)
        kept, windows, refused = hear(
            recordings,
            extract,
            num_windows=self.num_windows,
            window_seconds=self.window_seconds,
            on_progress=on_progress,
        )
        score = linear_probe(
            kept, windows, self.classifier, self.seed, strengths=self.strengths, inner_folds=self.inner_folds
        )
        return kept, score, refused

    def about(self) -> dict[str, str | int | float]:
        """What stands beside each figure."""
        spent = {"windows": self.num_windows, "window_seconds": self.window_seconds}
        if self.scratch is not None:
            trained = f"audio tower to {self.stage}, {self.poolings[0]}, and a linear layer, from scratch"
            rates = ", ".join(f"{rate:g}" for rate in self.scratch.learning_rates)
            spent_on = f"softmax, {self.scratch.epochs} epochs of {self.scratch.windows} windows per recording"
            return {"features": trained, **spent, "classifier": f"{spent_on}, learning rate of {rates} {CHOSEN}"}
        features = (
            "MFCC, mean and standard deviation"
            if self.features == "mfcc"
            else f"{self.stage}, {' or '.join(self.poolings)}"
        )
        values = ", ".join(f"{value:g}" for value in self.strengths or STRENGTHS[self.classifier])
        chosen = f"{self.classifier}, {'k' if self.classifier == 'knn' else 'C'} of {values}"
        return {"features": features, **spent, "classifier": f"{chosen} {CHOSEN} by {self.inner_folds} inner folds"}

    @contextmanager
    def sharing_threads(self, folds: int) -> Iterator[int]:
        """How many folds to have in work at once; inside the block each has its share of torch's threads.

        Nets that are trained on one thread each lose no time waiting for each other's threads.
        """
        threads = torch.get_num_threads()
        at_a_time = min(folds, threads) if self.scratch is not None else 1
        torch.set_num_threads(threads // at_a_time)
        try:
            yield at_a_time
        finally:
            torch.set_num_threads(threads)

    def _to_train(
        self,
        model: TwoStream,
        recordings: Sequence[Recording],
        settings: ScratchSettings,
        on_progress: OnProgress | None,
    ) -> tuple[list[Recording], Score, list[Refusal]]:
        kept, sounds, refused = [], [], []
        for done, (recording, sound) in enumerate(zip(recordings, sounds_of(recordings), strict=True)):
            if isinstance(sound, Refusal):
                refused.append(sound)
            else:
                kept.append(recording)
                sounds.append(sound)
            if on_progress is not None:
                on_progress(done + 1, len(recordings))
        banks = banks_of(model, sounds, num_windows=self.num_windows, window_seconds=self.window_seconds)
        pooling = pooling_of(self.poolings[0])

        def make(classes: int) -> SoundClassifier:
            torch.manual_seed(self.seed + classes)  # the linear layer's; the tower is the same fresh one in each fold
            return SoundClassifier(copy.deepcopy(model), stage=self.stage, pooling=pooling, classes=classes)

        score = from_scratch(kept, banks, make, window_seconds=self.window_seconds, settings=settings, seed=self.seed)
        return kept, score, refused


def layout_of(source: str) -> str | None:
    """The layout that a folder of sounds is recognised by: ESC-50, ESC-10 or DCASE2014; None for any other."""
    folder = Path(source)
    if not folder.is_dir() or (folder / CORPUS_NAME).exists():
        return None
    if (folder / "meta" / "esc50.csv").is_file():
        return "esc50"
    files = [path for path in folder.rglob("*") if path.is_file()]
    if any("scenes_stereo" in path.parent.name or FOLD_LIST.fullmatch(path.name) for path in files):
        return "dcase2014"
    sounds = [path.stem for path in files if path.suffix in {".ogg", ".wav"}]
    names = {"kitchen20": kitchen20.FILE_NAME, "esc10": esc10.FILE_NAME}  # the former are also names of the latter
    return next((name for name, form in names.items() if sounds and all(map(form.fullmatch, sounds))), None)
