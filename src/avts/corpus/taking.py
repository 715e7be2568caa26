"""One run of ingest over a corpus whose journal is open: new files are converted to the standard form and appended.

Worker processes convert the files; only this process appends to shards, journal and manifest.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from avts.corpus.clip import Clip, Split, hash_of, hash_split, key_of
from avts.corpus.fetch import name_of
from avts.corpus.item import Item
from avts.corpus.journal import Journal, Record
from avts.corpus.label_splits import LabelSplits
from avts.corpus.manifest import CORPUS_NAME, settings_of, write_manifest
from avts.corpus.shards import ShardWriter, shard_name
from avts.corpus.target import FolderTarget
from avts.corpus.transcode import Standardised, Task, content_hash_of
from avts.errors import CorpusError, MediaError
from avts.jobs.pool import Lost, TimedOut, in_words
from avts.jobs.refusal import MISSING_NAME, REFUSED_NAME, TRIED_AGAIN, Refusal, plain, write_refusals
from avts.media.limits import Limits

STAGING_NAME = ".staging"

REASONS_SHOWN = 20
"""Maximum number of refusals in the message when every file was refused."""

SAFE_SECONDS = 1.0
"""Interval of flushing to the disk: the maximum loss of work in a power failure."""

STRICTNESS: tuple[Split, ...] = ("test", "validation", "train")
"""Priority of splits for a group that its list puts into several."""

OnProgress = Callable[[int, int], None]


class Engine(Protocol):
    """What runs tasks: processes of this machine, or a cluster."""

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Standardised | Refusal | Lost]]:
        """Yield each task with its result, in order; the standard form is at the path that the task gives."""
        ...

    def close(self) -> None:
        """Stop its processes."""
        ...


@dataclass(frozen=True)
class Form:
    """Settings of the conversion: short side in pixels, bytes of a shard, limits of a file."""

    short_side: int
    shard_bytes: int
    limits: Limits
    timeout_seconds: float


@dataclass(frozen=True)
class IngestSummary:
    """Summary of an ingest.

    taken: new clips; reused: clips of earlier runs; refused, missing: files that are not in the corpus; flagged,
    splits: numbers of clips by flag and by split; corpus: its location; notes: remarks on new clips, such as breaks in
    the time stamps of a file; labels_split: labels whose new clips were split 80/10/10 each.
    """

    taken: int
    reused: int
    refused: tuple[Refusal, ...]
    flagged: dict[str, int]
    corpus: Path | str
    missing: tuple[Refusal, ...] = ()
    splits: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    labels_split: int = 0


class Taking:
    """One run."""

    def __init__(self, target: FolderTarget, journal: Journal, form: Form) -> None:
        self._target = target
        self._out = target.folder
        self._journal = journal
        self._form = form
        self._staging = self._out / STAGING_NAME
        self._keys = {clip.content_hash: clip.key for clip in journal.clips}
        self._used = {clip.key.lower() for clip in journal.clips}
        self._group_splits = {clip.group: clip.split for clip in journal.clips if clip.group is not None}
        self._labels = LabelSplits((), ())
        self._reused = 0
        self._taken = 0
        self._refused: list[Refusal] = []
        self._missing: list[Refusal] = []
        self._notes: list[str] = []
        self._safe_at = time.monotonic()

    def run(self, items: list[Item], engine: Engine, on_progress: OnProgress) -> IngestSummary:
        """Take the new files, then write the manifest.

        Raises:
            CorpusError: no file could be taken.
        """
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir()
        new = [item for item in self._wanted(items) if not self._is_done(item)]
        self._labels = LabelSplits(self._journal.clips, new)
        self._take_all(new, len(items), engine, on_progress)
        for refusals in (self._refused, self._missing):
            refusals.sort(key=lambda refusal: refusal.source)
        if not any(True for _ in self._journal.clips):
            raise CorpusError(self._nothing_taken())
        self._finish()
        clips = list(self._journal.clips)
        return IngestSummary(
            taken=self._taken,
            reused=self._reused,
            refused=tuple(self._refused),
            flagged=dict(Counter(flag for clip in clips for flag in clip.flags)),
            corpus=self._target.place,
            missing=tuple(self._missing),
            splits=dict(Counter(clip.split for clip in clips)),
            notes=tuple(self._notes),
            labels_split=len(self._labels.labels),
        )

    def _wanted(self, items: list[Item]) -> list[Item]:
        """Items whose file exists, without duplicates and without groups in several splits."""
        self._settle_groups(items)
        seen: set[str] = set()
        wanted = []
        for item in items:
            name = plain(item.source)
            if item.source in seen:
                self._refuse(item, "duplicate", f"{name}: listed more than once. Taken once.")
            elif item.media is None:
                self._missing.append(Refusal(item.source, "missing", f"{name}: listed, but does not exist."))
            elif item.split is not None and item.group is not None and self._group_splits[item.group] != item.split:
                other = self._group_splits[item.group]
                message = f"{name}: listed for {item.split}, but others of {plain(item.group)} are in {other}."
                self._refuse(item, "straddles", message)
            else:
                wanted.append(item)
            seen.add(item.source)
        return wanted

    def _settle_groups(self, items: list[Item]) -> None:
        """Give each group one split: its split in the corpus, else the highest-priority one in its list."""
        listed: dict[str, Split] = {}
        for item in items:
            if item.group is not None and item.split is not None:
                listed[item.group] = min(item.split, listed.get(item.group, item.split), key=STRICTNESS.index)
        self._group_splits = {**listed, **self._group_splits}

    def _refuse(self, item: Item, reason: str, message: str) -> None:
        self._refused.append(Refusal(item.source, reason, message))

    def _is_done(self, item: Item) -> bool:
        """True if an earlier run took or refused this file unchanged; counts it."""
        record = self._journal.records.get(item.source)
        if record is None:
            return False
        if record.clip is not None:
            if record.stamp == item.stamp or self._has_same_bytes(item, record):
                self._reused += 1
            else:
                message = (
                    f"{_name(item)}: changed since it was ingested; the corpus keeps the old version. Use a new corpus."
                )
                self._refuse(item, "changed", message)
            return True
        if record.refusal is not None and record.refusal.reason not in TRIED_AGAIN and record.stamp == item.stamp:
            self._refused.append(record.refusal)
            return True
        return False

    def _has_same_bytes(self, item: Item, record: Record) -> bool:
        if not isinstance(item.media, Path) or record.size != item.stamp[0]:
            return False
        try:
            return content_hash_of(item.media, item.part) == record.content_hash
        except MediaError:
            return False

    def _take_all(self, new: list[Item], total: int, engine: Engine, on_progress: OnProgress) -> None:
        done = total - len(new)
        on_progress(done, total)
        if not new:
            return
        shards = self._shards()
        results = engine.run(self._task(index, item) for index, item in enumerate(new))
        try:
            for item, (task, result) in zip(new, results, strict=True):
                self._take(item, task, result, shards)
                done += 1
                on_progress(done, total)
        except BaseException:
            shards.abandon()
            raise
        finally:
            results.close()
        shards.close()
        self._journal.mark()

    def _shards(self) -> ShardWriter:
        index, end = self._journal.shard_index, self._journal.end
        if shard_name(index) in self._target.stored:  # complete in another place
            index, end = index + 1, 0
        return ShardWriter(
            self._out,
            shard_index=index,
            end=end,
            shard_bytes=self._form.shard_bytes,
            on_closed=self._target.keep_shard,
        )

    def _task(self, index: int, item: Item) -> Task:
        assert item.media is not None
        return Task(
            item.media,
            item.source,
            self._staging / str(index),
            self._form.short_side,
            part=item.part,
            wants=item.wants,
            limits=self._form.limits,
        )

    def _take(self, item: Item, task: Task, result: Standardised | Refusal | Lost, shards: ShardWriter) -> None:
        """Append one result to the shard and the journal, in this order."""
        made = self._judged(item, result)
        if isinstance(made, Standardised):
            self._labels.settle(item, self._append(item, task, made, shards))
            self._notes += [f"{_name(item)}: {note}" for note in made.notes]
            self._taken += 1
        elif made.reason == "missing":
            self._labels.settle(item, None)
            self._missing.append(made)
        else:
            self._labels.settle(item, None)
            self._refused.append(made)
            self._journal.add(Record(item.source, *item.stamp, None, refusal=made))
        for path in self._staging.glob(f"{task.staged.name}.*"):
            path.unlink()
        if time.monotonic() - self._safe_at >= SAFE_SECONDS:
            shards.sync()
            self._journal.mark()
            self._safe_at = time.monotonic()

    def _judged(self, item: Item, result: Standardised | Refusal | Lost) -> Standardised | Refusal:
        """A result with lost processes and duplicates turned into refusals."""
        name = _name(item)
        if isinstance(result, Standardised) and result.content_hash in self._keys:
            message = f"{name}: has the same bytes as clip {self._keys[result.content_hash]}. Taken once."
            return Refusal(item.source, "duplicate", message)
        if isinstance(result, Lost):
            reason = "timed_out" if isinstance(result, TimedOut) else "crashed"
            return Refusal(item.source, reason, f"{name}: {in_words(result, self._form.timeout_seconds)}")
        return result

    def _append(self, item: Item, task: Task, result: Standardised, shards: ShardWriter) -> Split:
        """Write a clip to the shard and the journal; returns its split."""
        about: dict[str, Any] = {
            "key": self._key(item),
            "source": item.source,
            "split": self._split(item, result),
            "label": item.labels[0] if item.labels else None,
            **{name: value for name, value in dataclasses.asdict(result).items() if name != "notes"},
            "labels": item.labels,
            "splits": item.splits,
            "fold": item.fold,
            "group": item.group,
        }
        video, sound = task.staged.with_suffix(".mp4"), task.staged.with_suffix(".wav")
        place = shards.add(
            about["key"],
            video if result.num_frames else None,
            sound if result.source_sample_rate else None,
            json.dumps(about).encode(),
        )
        clip = Clip(
            **about,
            shard=shard_name(place.shard_index),
            video_offset=place.video_offset,
            video_size=place.video_size,
            sound_offset=place.sound_offset,
            sound_size=place.sound_size,
        )
        self._journal.add(
            Record(
                item.source,
                *item.stamp,
                result.content_hash,
                clip,
                place.shard_index,
                place.end,
                start=place.start,
                checksum=place.checksum,
            )
        )
        self._keys[result.content_hash] = clip.key
        self._used.add(clip.key.lower())
        return clip.split

    def _key(self, item: Item) -> str:
        """The item's key; with a hash if it differs from another key only by case."""
        key = key_of(item.source)
        return key if key.lower() not in self._used else key_of(item.source, plain=False)

    def _split(self, item: Item, result: Standardised) -> Split:
        if item.group is None:
            return item.split or self._labels.of(item) or hash_split(result.content_hash)
        return self._group_splits.setdefault(item.group, item.split or hash_split(hash_of(item.group)))

    def _finish(self) -> None:
        """Write the tables of refused and missing files and, if clips changed, the manifest; remove unused shards."""
        for path in sorted(self._out.glob("shard-*.tar")):
            if path.name > shard_name(self._journal.shard_index):
                path.unlink()
        write_refusals(self._out / REFUSED_NAME, self._refused)
        if self._missing:
            write_refusals(self._out / MISSING_NAME, self._missing)
        else:
            (self._out / MISSING_NAME).unlink(missing_ok=True)
        if self._taken or not (self._out / CORPUS_NAME).exists():
            write_manifest(self._out, self._journal.clips, settings_of(self._form.short_side))
        self._target.finish()

    def _nothing_taken(self) -> str:
        unused = [*self._refused, *self._missing]
        lines = [f"  {refusal.message}" for refusal in unused[:REASONS_SHOWN]]
        if len(unused) > REASONS_SHOWN:
            lines.append(f"  and {len(unused) - REASONS_SHOWN} more")
        return "\n".join([f"none of {len(unused)} files could be ingested, so there is no corpus:", *lines])


def _name(item: Item) -> str:
    return plain(name_of(item.media) if item.media is not None else item.source)
