"""Copy streams from one container into another: what each container takes, covers, chapters, tags.

PyAV checks codecs by a list that leaves out what Matroska stores under the names of other systems (V_MS/VFW/FOURCC,
A_MS/ACM); those go through FFmpeg's tee, which asks the Matroska writer itself.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from avts.errors import MediaError
from avts.offset.reels import codec_of

if TYPE_CHECKING:
    from av.container.core import Chapter

OWN_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder"}
"""Tags that describe the container itself, which the new one writes anew."""

PHONE_TAG = re.compile(r"^com\.[a-z]+\.")
"""Tags that phones write into .mov and .mp4 under names of their own: make, place, date."""

FINE_RATE = 90_000
"""Ticks a second of times in MP4 edit lists (where FFmpeg would take 1,000)."""

FOR_TEE = re.compile(r"([\\'|\[\]:])")
"""Characters that have a meaning in a target of FFmpeg's tee."""

TAGGED = frozenset({".avi", ".mov", ".mp4", ".m4v", ".nut", ".mkv", ".asf", ".wmv"})
"""Endings of containers that tell variants of a codec by its tag: the pixel format of raw pictures, for example."""

RIFF = frozenset({".avi", ".asf", ".wmv", ".nut", ".mkv"})
"""Endings of containers that share the tags of AVI."""

USUAL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""Layout of so many channels that nobody named; MP4 does not take PCM without."""

COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png"), "bmp": ("cover.bmp", "image/bmp")}
COVERS |= {"gif": ("cover.gif", "image/gif"), "webp": ("cover.webp", "image/webp")}
"""Name and type of a cover that is attached to a Matroska file, by its codec."""


@dataclass
class Copy:
    """A file being written: its streams by the index in the source, and the streams that it does not take."""

    output: OutputContainer
    streams: dict[int, Stream] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    last: dict[int, Fraction] = field(default_factory=dict)

    def write(self, packet: Packet[Any]) -> None:
        """Write a packet of the source, its stamps as they are."""
        if packet.stream.type == "audio" and not packet.duration:
            last_as_long_as_before(packet, self.last)
        packet.stream = self.streams[packet.stream_index]
        keep_order(packet, self.last)
        self.output.mux_one(packet)


@contextmanager
def copy_of(
    container: InputContainer,
    part: Path,
    target: Path,
    *,
    shift_seconds: Fraction,
    without: frozenset[int] = frozenset(),
    ready: Any = None,
) -> Iterator[Copy]:
    """Start a file with the streams of another.

    Args:
        container: the source.
        part: the path to write to.
        target: the name it will have, for messages; its ending says the container.
        shift_seconds: what the pictures' times become later by; chapters go with them.
        without: indices of streams to leave out silently.
        ready: called with the copy before its header is written, to add streams.

    Raises:
        MediaError: no container has such an ending, or it does not take the picture or the sound.
    """
    copy = _begun(container, part, target, shift_seconds, without, ready)
    with contextlib.closing(copy.output):
        yield copy


def _begun(
    container: InputContainer, part: Path, target: Path, shift: Fraction, without: frozenset[int], ready: Any
) -> Copy:
    """The first that works: all streams; through tee; without data and attachments; pictures and sound only.

    Each with the tags that the codecs have in the source, and without.
    """
    every = frozenset({"video", "audio", "subtitle", "data", "attachment"})
    ways = (False, True) if _is_matroska(target) else (False,)
    films = [stream for stream in container.streams if stream.type in {"video", "audio"} and not is_cover(stream)]
    refused = [f"{stream.type} {codec_of(stream)}" for stream in films if stream.index not in without]
    for kinds in (every, every - {"data", "attachment"}, frozenset({"video", "audio"})):
        for through_tee, tagged in itertools.product(ways, (True, False)):
            copy = Copy(_opened(container, part, target, through_tee))
            try:
                _fill(copy, container, kinds, without, shift, tagged)
                if ready is not None:
                    ready(copy)
                copy.output.start_encoding()
            except (ValueError, av.FFmpegError) as error:
                if isinstance(error, _NotTaken) and not through_tee:
                    refused = error.names
                with contextlib.suppress(av.FFmpegError):
                    copy.output.close()
                continue
            if through_tee and container.chapters():
                copy.left_out.append("chapters")
            return copy
    advice = "Encode it again first." if _is_matroska(target) else "Name a .mkv, which supports more codecs."
    raise MediaError(f"{target.name}: a {target.suffix} file cannot hold {' and '.join(refused)}. {advice}")


class _NotTaken(ValueError):
    """Streams that a repair needs and a container does not take; `names` are those."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def _is_matroska(target: Path) -> bool:
    return target.suffix.lower() in {".mkv", ".mka", ".mk3d"}


def _opened(container: InputContainer, part: Path, target: Path, through_tee: bool) -> OutputContainer:
    options = {"movie_timescale": str(FINE_RATE)}
    if any(PHONE_TAG.match(key) for key in container.metadata):
        options["movflags"] = "use_metadata_tags"
    if target.suffix.lower() == ".avi":  # it stores no times: a shift by an encoder's run-up would be rounded up
        options["avoid_negative_ts"] = "disabled"
    try:
        if through_tee:
            name = FOR_TEE.sub(r"\\\1", f"file:{part}")
            return av.open(f"[f=matroska]{name}", "w", format="tee")
        return av.open(f"file:{part}", "w", container_options=options)
    except ValueError as error:
        raise MediaError(
            f"{target.name}: no container has the suffix {target.suffix!r}. Name a .mp4, .mov, .mkv or .webm."
        ) from error


def _fill(
    copy: Copy,
    container: InputContainer,
    kinds: frozenset[str],
    without: frozenset[int],
    shift: Fraction,
    tagged: bool,
) -> None:
    """Add tags, chapters and streams; raise _NotTaken if the picture or the first sound is not taken."""
    output = copy.output
    output.metadata.update({key: tag for key, tag in container.metadata.items() if key not in OWN_TAGS})
    if output.format.name != "tee":
        output.set_chapters([_moved_chapter(chapter, shift) for chapter in container.chapters()])
    needed, refused = needed_streams(container), []
    for stream in container.streams:
        if stream.index in without or _is_chapter_track(container, stream):
            continue
        if stream.type not in kinds:
            copy.left_out.append(_in_words(stream))
            continue
        try:
            added = _added(output, container, stream, tagged)
        except (ValueError, AttributeError, KeyError, av.FFmpegError):
            if stream.index in needed:
                refused.append(f"{stream.type} {codec_of(stream)}")
            copy.left_out.append(_in_words(stream))
            continue
        if added is not None:
            copy.streams[stream.index] = added
    if refused:
        raise _NotTaken(refused)


def needed_streams(container: InputContainer) -> set[int]:
    """Indices of the streams without which a repair makes no sense: the picture and the sound a player chooses."""
    return {moving_picture(container).index, chosen_sound(container).index}


def moving_picture(container: InputContainer) -> Stream:
    """The first video stream that is not a cover picture."""
    moving = [stream for stream in container.streams.video if not is_cover(stream)]
    return (moving or list(container.streams.video))[0]


def chosen_sound(container: InputContainer) -> Stream:
    """The sound stream that a player chooses: the one marked default, else the first; one that can be decoded."""
    known = [stream for stream in container.streams.audio if stream.codec_context is not None]
    marked = [stream for stream in known if stream.disposition & Disposition.default]
    return (marked or known or list(container.streams.audio))[0]


def is_cover(stream: Stream) -> bool:
    """True for a picture that stands for the file and is no part of the film."""
    return bool(stream.disposition & Disposition.attached_pic)


def _is_chapter_track(container: InputContainer, stream: Stream) -> bool:
    """True for the text track in which MP4 keeps the names of its chapters: the writer makes a new one."""
    is_text = stream.type == "data" and getattr(stream, "name", None) == "bin_data"
    return is_text and "mp4" in container.format.name and bool(container.chapters())


def _in_words(stream: Stream) -> str:
    return "cover picture" if is_cover(stream) else f"{stream.type} stream ({codec_of(stream)})"


def _added(output: OutputContainer, container: InputContainer, stream: Any, tagged: bool) -> Stream | None:
    """A stream like another: codec, tags, language, rotation, disposition. None for a cover that became a file."""
    if is_cover(stream) and output.format.name in {"matroska", "webm", "tee"}:
        name, mime = COVERS[codec_of(stream)]
        output.add_attachment(stream.metadata.get("filename", name), mime, _cover_bytes(container, stream))
        return None
    copy: Any = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    if stream.type == "video" and stream.codec_tag == "hvc1" and output.format.name in {"mp4", "mov"}:
        copy.codec_tag = "hvc1"  # FFmpeg's own choice, hev1, is refused by Apple's players
    elif tagged and _keeps_tag(stream, container, output):
        copy.codec_tag = stream.codec_tag
    if output.format.name == "tee":  # it keeps the source's ticks otherwise, whole audio frames in AVI
        copy.time_base = Fraction(1, FINE_RATE)
    if output.format.name == "mxf" and stream.type == "video":
        copy.codec_context.framerate = stream.average_rate or stream.guessed_rate
    if stream.type == "audio" and stream.codec_context is not None:
        channels = stream.codec_context.layout.nb_channels
        if stream.codec_context.layout.name == f"{channels} channels" and channels in USUAL_LAYOUTS:
            copy.codec_context.layout = USUAL_LAYOUTS[channels]
    return copy  # type: ignore[no-any-return]


def _keeps_tag(stream: Any, container: InputContainer, output: OutputContainer) -> bool:
    """True if a codec's tag in one file means the same in another."""
    if stream.type not in {"video", "audio"} or stream.codec_context is None or not stream.codec_tag.strip("\0"):
        return False
    was, becomes = (Path(each.name).suffix.lower() for each in (container, output))
    if output.format.name == "tee":
        becomes = ".mkv"
    return (was in TAGGED and was == becomes) or (stream.type == "video" and {was, becomes} <= RIFF)


def _cover_bytes(container: InputContainer, stream: Stream) -> bytes:
    """The picture itself: covers are the first packets that a demuxer gives."""
    with av.open(container.name, options={"protocol_whitelist": "file"}, metadata_errors="replace") as again:
        return next(bytes(packet) for packet in again.demux(again.streams[stream.index]) if packet.size)


def _moved_chapter(chapter: Chapter, shift_seconds: Fraction) -> Chapter:
    """A chapter later by a shift, as the picture is."""
    ticks = round(shift_seconds / (chapter["time_base"] or Fraction(1)))
    return {**chapter, "start": max(0, chapter["start"] + ticks), "end": max(0, chapter["end"] + ticks)}


def last_as_long_as_before(packet: Packet[Any], last: dict[int, Fraction]) -> None:
    """Give a packet that does not say how long it lasts the length of the one before: MP4 cuts off a last one of 0."""
    if packet.dts is not None and packet.stream_index in last:
        packet.duration = max(0, packet.dts - round(last[packet.stream_index] / packet.time_base))


def keep_order(packet: Packet[Stream], last: dict[int, Fraction]) -> None:
    """Make a decoding time later than the last one of its stream: MPEG-2 demuxing repeats some, muxers refuse that."""
    if packet.dts is None:
        return
    index, tick = packet.stream.index, packet.stream.time_base or packet.time_base
    if index in last and packet.dts * packet.time_base < last[index] + tick / 2:
        packet.dts = math.ceil((last[index] + tick) / packet.time_base)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
    last[index] = packet.dts * packet.time_base


def left_out_in_words(target: Path, left_out: Sequence[str]) -> tuple[str, ...]:
    """A warning for each kind of stream that a container does not take."""
    counts = {name: left_out.count(name) for name in sorted(set(left_out))}
    return tuple(f"{target.name}: {_left_out(name, count, target.suffix)}" for name, count in counts.items())


def _left_out(name: str, count: int, suffix: str) -> str:
    what, them = (f"{name} skipped", "it") if count == 1 else (f"{name} skipped, {count} times", "them")
    if name.endswith("(unknown)"):
        return f"{what}; FFmpeg does not know how {'it is' if count == 1 else 'they are'} coded"
    return f"{what}; a {suffix} file does not hold {them}"
