"""A classifier of videos: one tower or both, their features, and linear layers; trained end to end.

Source: Korbar et al. 2018, sections 4.2 and 4.4 (as recalled): for actions the visual net and one linear layer; for
both, concat, FC 512, FC classes.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from avts.finetune.recipe import Senses
from avts.model.frontend import normalise_filterbank
from avts.model.two_stream import TwoStream


class Classifier(nn.Module):
    """Towers with linear layers behind them.

    Args:
        streams: the networks; what is not needed here, heads and perhaps a tower, is taken out of them.
        num_classes: number of classes.
        senses: what it is given.
        hidden: units of the layer on both towers.
        dropout: share of the features that is left out in training.
    """

    def __init__(self, streams: TwoStream, num_classes: int, *, senses: Senses, hidden: int, dropout: float) -> None:
        super().__init__()
        self.senses, self.streams = senses, streams
        channels = self._keep_what_is_needed()
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if senses == "both":
            layers += [nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            channels = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(channels, num_classes))

    def _keep_what_is_needed(self) -> int:
        """Take the rest out; gives the number of features."""
        streams = self.streams
        picture, sound = streams.video.out_channels, cast(nn.Linear, streams.fc6[0]).out_features
        streams.fusion = None
        del streams.video_head, streams.audio_head
        if self.senses == "picture":
            del streams.audio, streams.fc6
        if self.senses == "sound":
            del streams.video
        return {"picture": picture, "sound": sound, "both": picture + sound}[self.senses]

    def picture_features(self, planes: list[Tensor]) -> Tensor:
        """Mean of conv5 over time and space.

        Args:
            planes: luminance, and colour where it is used, each [B, T, H, W] in [0, 1] at the network's size.

        Returns:
            [B, C].
        """
        frames = self.streams.picture_input_of(*planes)
        return self.streams.picture_sequence(frames).float().mean(dim=1)

    def sound_features(self, samples: Tensor) -> Tensor:
        """Mean of fc6 over time.

        Shape: [B, N] at 16 kHz to [B, C].
        """
        energies = normalise_filterbank(self.streams.filterbank(samples))
        return self.streams.sound_sequence(energies).float().mean(dim=1)

    def forward(self, planes: list[Tensor] | None, samples: Tensor | None) -> Tensor:
        """Logits of the classes.

        Args:
            planes: as in `picture_features`; None for a classifier of sounds.
            samples: [B, N] at 16 kHz; None for a classifier of pictures.

        Returns:
            [B, K].
        """
        found = []
        if self.senses != "sound":
            assert planes is not None
            found.append(self.picture_features(planes))
        if self.senses != "picture":
            assert samples is not None
            found.append(self.sound_features(samples))
        return cast(Tensor, self.layers(torch.cat(found, dim=1)))
