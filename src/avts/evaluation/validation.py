"""A look at the validation clips while training goes on: one number, always of the same windows."""

from __future__ import annotations

from collections.abc import Callable

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.evaluation.evaluate import pair_distances
from avts.evaluation.scores import KINDS, MIXED, auc, kind_counts
from avts.model.two_stream import TwoStream
from avts.settings import PairSettings

MOST_CLIPS = 256
"""So many validation clips are looked at, spread over all of them: a look costs seconds, not a part of an epoch."""


def validation_auc(corpus: Corpus, pairs: PairSettings) -> Callable[[TwoStream], float] | None:
    """A function that measures a model's AUC with 75 % easy and 25 % hard negatives on validation clips.

    It needs the model in evaluation mode. Where no clip is long enough for a hard pair, all negatives are easy.

    Args:
        corpus: its split 'validation' is used.
        pairs: lengths and limits of the windows; the same as in training.

    Returns:
        The function; it raises CorpusError if every pair is silent. None if there are fewer than two usable clips.
    """
    usable = [clip for clip in corpus.select("validation") if clip.duration_seconds >= pairs.clip_seconds]
    if len(usable) < 2:
        return None
    clips = usable[:: -(-len(usable) // MOST_CLIPS)]

    def measure(model: TwoStream) -> float:
        found = pair_distances(model, corpus, clips, pairs, rounds=1, workers=0)
        counts = kind_counts(found)
        if not counts["positive"] or not counts["easy"]:
            raise CorpusError(
                f"{corpus.path}: {counts['positive']} positive and {counts['easy']} easy usable pair(s) in "
                f"{len(clips)} validation clips: the others are below {pairs.silence_dbfs:g} dBFS. Ingest validation "
                "videos with more sound, or set [training] validate_every_epochs = 0"
            )
        return auc(found, MIXED if counts["hard"] else KINDS["easy"])

    return measure
