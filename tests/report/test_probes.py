import numpy as np

from avts.probe.cross_validation import ProbeResult
from avts.report.probes import probe_text


def test_a_probe_says_its_accuracy_with_all_that_it_depends_on() -> None:
    confusion = np.array([[8, 2], [0, 10]])
    result = ProbeResult(None, (0.8, 1.0), (0.75, 1.0), ("dog", "rain"), confusion, ("C 0.01", "C 0.1"), 20)
    about = {
        "model": "a run", "features": "conv5, 4x4", "windows": 10, "window_seconds": 1.0,
        "classifier": "svm", "folds": "2 official folds", "seed": 3,
    }  # fmt: skip
    lines = probe_text(result, about).splitlines()
    assert lines[0] == "accuracy 90.0 % (95 % interval 75.0 % to 100.0 %), all labels, 20 recordings"
    assert lines[1:4] == [
        "model: a run; features: conv5, 4x4",
        "10 windows of 1 s per recording; svm",
        "folds: 2 official folds; seed 3",
    ]
    dog = next(line for line in lines if line.startswith("dog"))
    assert dog.split() == ["dog", "10", "80.0", "%", "rain", "(2)"]
