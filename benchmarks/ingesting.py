"""Ingest against the ffmpeg program: the same files into the same form, one thread each."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from avts.corpus.transcode import Refusal, Task, transcode
from avts.media.standard import SHORT_SIDE
from avts.media.writer import GOP_FRAMES, STANDARD_OPTIONS
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from benchmarks.rows import Row
from benchmarks.timing import Timing, interleaved, median_ratio, timed

NAME = "ingest, against the ffmpeg program"
SCALE = f"scale=w='if(lt(iw,ih),{SHORT_SIDE},-2)':h='if(lt(iw,ih),-2,{SHORT_SIDE})':flags=area"


def ingest_row(paths: tuple[Path, ...], *, rounds: int) -> Row:
    """Bring a file a round into the standard form, by avts and by ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        return Row(NAME, None, "times", 0.9, note="no ffmpeg program in PATH")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        found = interleaved(
            {
                "avts": lambda number: timed(lambda: _ours(paths[number % len(paths)], out / "avts"), 1),
                "ffmpeg": lambda number: _theirs(program, paths[number % len(paths)], out / "ffmpeg"),
            },
            rounds,
        )
    note = f"{_version(program)}; one thread and the same x264 options both; avts also hashes and measures"
    return Row(NAME, median_ratio(found["ffmpeg"], found["avts"]), "times", 0.9, note=note)


def ffmpeg_command(program: str, path: Path, out: Path) -> list[str]:
    """What makes a file's standard form with the ffmpeg program: an MP4 of the picture, a WAV of the sound."""
    options = [word for name, value in STANDARD_OPTIONS.items() for word in (f"-{name}", value)]
    picture = ["-map", "0:v:0", "-vf", f"fps={FRAME_RATE},{SCALE}", "-pix_fmt", "yuv420p", "-c:v", "libx264", *options]
    sound = ["-map", "0:a:0", "-ac", "1", "-ar", str(SAMPLE_RATE), "-c:a", "pcm_s16le"]
    threads = ["-threads", "1"]
    return [
        *(program, "-nostdin", "-v", "error", "-y", *threads, "-i", str(path), "-filter_threads", "1"),
        *(*picture, "-g", str(GOP_FRAMES), *threads, f"{out}.mp4", *sound, f"{out}.wav"),
    ]


def _ours(path: Path, out: Path) -> None:
    made = transcode(Task(path, path.name, out, SHORT_SIDE))
    if isinstance(made, Refusal):
        raise RuntimeError(made.message)


def _theirs(program: str, path: Path, out: Path) -> Timing:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(ffmpeg_command(program, path, out), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(cpu, time.perf_counter() - wall)


def _version(program: str) -> str:
    words = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout.split()
    return f"ffmpeg {words[2]}"
