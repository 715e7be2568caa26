"""Both towers with their frontends and heads: windows of picture and sound to embeddings that can be compared."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.model.audio import AudioTower
from avts.model.frontend import Filterbank, change_channels, normalise_filterbank, rgb_channels
from avts.model.heads import FusedClassifier, make_head
from avts.model.inputs import check_planes, check_samples
from avts.model.losses import distance_matrix, euclidean_matrix
from avts.model.scaling import crop_and_resize
from avts.model.video import make_video_tower

if TYPE_CHECKING:
    from avts.settings import Recipe


class TwoStream(nn.Module):
    """The two towers of AVTS.

    Args:
        video: name of the video tower.
        video_width: channels of its conv1.
        audio_width: channels of the audio tower's conv1.
        picture_input: 'rgb', 'change', or 'still': the colours of the middle frame alone.
        frame_size: height and width of the video tower's input, pixels.
        head: 'global' or 'temporal'.
        head_steps: time steps that the temporal head keeps.
        hidden: hidden units of the temporal head.
        embedding: size of the embedding.
        filter_bands: filters of the sound's filterbank.
        context_seconds: stretch of a film over which its inputs are normalised.
        unit_vectors: scale embeddings to unit length.
        centre: take away what all embeddings of a tower have in common before they are scaled, see `model.heads`.
        comparison: 'distance' of two embeddings, or 'fused': a classifier on both.
        fused_hidden: hidden units of the classifier.

    Attributes:
        low_precision: run the towers in bfloat16 (frontends and distances stay in float32).
        towers_frozen: whether `freeze_towers` was called.
        header: of a model that was loaded, the recipe it was trained with and where its training stood; else None.
    """

    def __init__(
        self,
        *,
        video: str,
        video_width: int,
        audio_width: int,
        picture_input: str,
        frame_size: int,
        head: str,
        head_steps: int,
        hidden: int,
        embedding: int,
        filter_bands: int,
        context_seconds: float = 1.0,
        unit_vectors: bool = True,
        centre: bool = False,
        comparison: str = "distance",
        fused_hidden: int = 512,
    ) -> None:
        super().__init__()
        self.low_precision = True
        self.towers_frozen = False
        self.header: tuple[Recipe, dict[str, Any]] | None = None
        self.picture_input = picture_input
        self.context_seconds = context_seconds
        self.frame_size = frame_size
        self.video = make_video_tower(video, width=video_width)
        self.unit_vectors = unit_vectors
        self.audio = AudioTower(width=audio_width)
        self.filterbank = Filterbank(filter_bands)
        bands = self.audio.out_bands(filter_bands)
        sound_channels = 8 * audio_width
        self.fc6 = nn.Sequential(nn.Linear(bands * self.audio.out_channels, sound_channels), nn.ReLU(inplace=True))
        self.video_head, self.audio_head = (
            make_head(
                head,
                channels,
                steps=head_steps,
                hidden=hidden,
                embedding=embedding,
                unit=unit_vectors,
                centre=centre,
            )
            for channels in (self.video.out_channels, sound_channels)
        )
        self.fusion = FusedClassifier(embedding, hidden=fused_hidden) if comparison == "fused" else None

    @property
    def needs_colour(self) -> bool:
        """True if the chroma planes are used."""
        return self.picture_input != "change"

    def picture_input_of(
        self,
        y: Tensor,
        u: Tensor | None = None,
        v: Tensor | None = None,
        *,
        boxes: NDArray[np.float64] | None = None,
        window: int | None = None,
    ) -> Tensor:
        """The video tower's input from planes.

        Args:
            y: uint8 [B, T, H, W].
            u: uint8 [B, T, H / 2, W / 2]; needed for colour only, like v.
            v: as u.
            boxes: crops, see `crop_and_resize`.
            window: frames of the moving statistics, see `change_channels`.

        Returns:
            [B, 3, T, frame_size, frame_size]; T = 1 for 'still'.
        """
        if not self.needs_colour:
            return change_channels(crop_and_resize(y, boxes, self.frame_size), window)
        assert u is not None
        assert v is not None
        frames = slice(None) if self.picture_input == "rgb" else slice(y.shape[1] // 2, y.shape[1] // 2 + 1)
        return rgb_channels(*(crop_and_resize(plane[:, frames], boxes, self.frame_size) for plane in (y, u, v)))

    def picture_sequence(self, frames: Tensor) -> Tensor:
        """One feature vector a frame, or every `video.time_stride` frames if the tower strides time.

        Shape: [B, 3, T, H, W] to [B, T / time_stride rounded up, C].
        """
        with self._precision(frames):
            maps = self.video(frames.contiguous(memory_format=torch.channels_last_3d))
            return cast(Tensor, maps.mean((3, 4)).transpose(1, 2))

    def sound_sequence(self, filterbank: Tensor) -> Tensor:
        """One feature vector every 0.04 s; step i is centred on filterbank step 4 * i + 3.

        Shape: [B, M, S] to [B, about S / 4, C].
        """
        with self._precision(filterbank):
            maps = self.audio(filterbank[:, None].contiguous(memory_format=torch.channels_last))  # [B, C, M', S']
            return cast(Tensor, self.fc6(maps.flatten(1, 2).transpose(1, 2)))

    def sound_sequence_dense(self, filterbank: Tensor) -> Tensor:
        """One feature vector for every filterbank step: that of `sound_sequence`'s first step, had it started there.

        Shape: [B, M, S] to [B, S - 6, C].
        """
        with self._precision(filterbank):
            maps = self.audio.dense(filterbank[:, None].contiguous(memory_format=torch.channels_last))
            return cast(Tensor, self.fc6(maps.flatten(1, 2).transpose(1, 2)))

    def embed_pictures(
        self, y: Tensor, u: Tensor | None = None, v: Tensor | None = None, *, boxes: NDArray[np.float64] | None = None
    ) -> Tensor:
        """Embed windows of picture.

        Shape: planes as in `picture_input_of` to [B, D].

        Raises:
            UsageError: planes of another shape or type, or floats outside 0 to 1.
        """
        self._check_planes(y, u, v)
        sequence = self.picture_sequence(self.picture_input_of(y, u, v, boxes=boxes))
        return cast(Tensor, self.video_head(sequence.float()))

    def embed_sounds(self, samples: Tensor) -> Tensor:
        """Embed windows of sound at 16 kHz.

        Shape: [B, N] to [B, D].

        Raises:
            UsageError: another shape or type.
        """
        check_samples(samples)
        energies = normalise_filterbank(self.filterbank(samples))
        return cast(Tensor, self.audio_head(self.sound_sequence(energies).float()))

    def picture_maps(
        self,
        y: Tensor,
        u: Tensor | None = None,
        v: Tensor | None = None,
        *,
        boxes: NDArray[np.float64] | None = None,
        stages: Collection[str] = ("conv5",),
    ) -> dict[str, Tensor]:
        """Feature maps of stages of the video tower.

        Shape: planes as in `picture_input_of` to [B, C, T', H', W'] for each stage.

        Raises:
            UsageError: the tower has no such stage; or planes as in `embed_pictures`.
        """
        self._check_planes(y, u, v)
        return self.picture_stage_maps(self.picture_input_of(y, u, v, boxes=boxes), stages)

    def picture_stage_maps(self, frames: Tensor, stages: Collection[str]) -> dict[str, Tensor]:
        """As `picture_maps`, of the video tower's input [B, 3, T, H, W].

        Raises:
            UsageError: the tower has no such stage.
        """
        with self._precision(frames):
            found = self.video.maps(frames.contiguous(memory_format=torch.channels_last_3d), stages)
        return {stage: maps.float() for stage, maps in found.items()}

    def sound_maps(self, samples: Tensor, *, stages: Collection[str] = ("conv5",)) -> dict[str, Tensor]:
        """Feature maps of stages of the audio tower.

        Shape: [B, N] at 16 kHz to [B, C, M', S'] for each stage.

        Raises:
            UsageError: the tower has no such stage; or samples as in `embed_sounds`.
        """
        check_samples(samples)
        return self.sound_stage_maps(normalise_filterbank(self.filterbank(samples)), stages)

    def sound_stage_maps(self, filterbank: Tensor, stages: Collection[str]) -> dict[str, Tensor]:
        """As `sound_maps`, of normalised filterbanks [B, M, S].

        Raises:
            UsageError: the tower has no such stage.
        """
        with self._precision(filterbank):
            found = self.audio.maps(filterbank[:, None].contiguous(memory_format=torch.channels_last), stages)
        return {stage: maps.float() for stage, maps in found.items()}

    def freeze_towers(self) -> None:
        """Keep the convolutions as they are, their batch-norm statistics too; the linear layers can still learn."""
        self.towers_frozen = True
        for tower in (self.video, self.audio):
            tower.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> TwoStream:
        """As of any module, but frozen towers stay in evaluation mode."""
        super().train(mode)
        if self.towers_frozen:
            self.video.eval()
            self.audio.eval()
        return self

    def pair_logits(self, pictures: Tensor, sounds: Tensor) -> Tensor:
        """Logit of "in sync" of every picture with every sound; only of a fused model.

        Shape: [P, D] and [Q, D] to [P, Q].
        """
        assert self.fusion is not None
        return cast(Tensor, self.fusion(pictures, sounds))

    def pair_distances(self, pictures: Tensor, sounds: Tensor) -> Tensor:
        """How far apart every picture is from every sound; the smaller, the more likely are they in sync.

        Half the distance of unit vectors, the distance of others, or the probability of "not in sync" of a fused model.

        Shape: [P, D] and [Q, D] to [P, Q], in [0, 1] unless embeddings keep their own length and are not fused.
        """
        if self.fusion is not None:
            return torch.sigmoid(-self.pair_logits(pictures, sounds))
        return distance_matrix(pictures, sounds) if self.unit_vectors else euclidean_matrix(pictures, sounds)

    def _check_planes(self, y: Tensor, u: Tensor | None, v: Tensor | None) -> None:
        # what a graph is made of has no values, and the loop's planes are made by crop_and_resize
        values = not self.training and not torch.compiler.is_compiling()
        check_planes(y, u, v, needs_colour=self.needs_colour, size=self.frame_size, values=values)

    def _precision(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=torch.bfloat16, enabled=self.low_precision)
