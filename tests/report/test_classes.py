import matplotlib.image
import numpy as np

from avts.report.class_figures import confusion_figure, labels_figure, write_figures
from avts.report.classes import comparison_table, study_table


def one(labels, right: float):
    top = {"value": right, "low": right - 0.1, "high": right + 0.1}
    parts = [{"partition": "split-1", "steps": 9}, {"partition": "split-2", "steps": 7}]
    return {
        "labels_per_class": labels,
        "top1": top,
        "top5": None,
        "per_class": {"clap": 0.75, "drum": None},
        "classes": ["clap", "drum"],
        "confusion": [[3, 1], [0, 0]],
        "num_videos": 4,
        "chance": 0.625,
        "parts": parts,
    }


RESULT = {"start": "box", "clips_per_video": 10, "clip_seconds": 1 / 3, "results": [one(5, 0.5), one(None, 0.75)]}


def test_the_table_holds_every_figure_with_its_conditions() -> None:
    lines = study_table(RESULT).splitlines()
    assert lines[2].split("  ")[-1] == "split-1, split-2"
    assert "50.0 %" in lines[2]
    assert "40.0 % to 60.0 %" in lines[2]
    assert lines[3].startswith("           all") or lines[3].startswith("all")
    assert lines[4] == (
        "start: box; 10 clips of 0.33 s per video, scores averaged; 9, 7 steps; 2 classes, most frequent class: 62.5 %"
    )
    assert lines[-2].split() == ["clap", "75.0", "%"]
    assert lines[-1].split() == ["drum", "–"]


def test_the_comparison_names_what_each_classifier_was_given() -> None:
    lines = comparison_table({"both": RESULT, "picture": RESULT, "sound": RESULT}).splitlines()
    assert [line.split("  ")[0] for line in lines[2::2][:3]] == ["picture and sound", "picture only", "sound only"]


def test_confusion_cells_hold_counts_and_colours_shares_of_their_row() -> None:
    axes = confusion_figure([[3, 1], [0, 4]], ["clap", "drum"]).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "3", "4"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["clap", "drum"]
    many = confusion_figure(np.eye(30).tolist(), [str(number) for number in range(30)]).axes[0]
    assert not many.texts


def test_the_curve_goes_through_the_figures() -> None:
    axes = labels_figure(RESULT["results"]).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.75]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "all"]


def test_figures_are_written_as_png(tmp_path) -> None:
    written = write_figures(RESULT, tmp_path)
    assert [path.name for path in written] == ["confusion-5.png", "confusion-all.png", "labels.png"]
    assert all(matplotlib.image.imread(path).std() > 0.01 for path in written)
    assert [path.name for path in write_figures({"results": [one(None, 0.5)]}, tmp_path)] == ["confusion.png"]
