"""The page of the experiment on regimes, from a few made-up result files; figures by hand."""

import json
from pathlib import Path

import pytest

from table1 import FORMS
from table1_report import (
    FINDINGS,
    FORM_TITLES,
    REGIMES,
    compared,
    findings_table,
    read_cells,
    read_forms,
    regime_table,
    spread,
    whole_forms,
    write_results,
)

RESULTS = {
    ("hard", 0): (0.60, 0.60),
    ("easy", 0): (0.90, 0.80),
    ("easy", 1): (0.92, 0.84),
    ("easy-then-mixed", 0): (0.91, 0.88),
    ("easy-then-mixed", 1): (0.93, 0.90),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ours").mkdir()
    for (regime, seed), (easy, mixed) in RESULTS.items():
        figures = {"easy": easy, "mixed": mixed, "hard": 0.7, "super_hard": 0.6}
        cell = {"form": "ours", "regime": regime, "seed": seed, "accuracy": figures, "auc": figures, "videos": None}
        cell |= {"trained": {"steps": 100, "cpu_seconds": 50}}
        (tmp_path / "ours" / f"{regime}-{seed}.json").write_text(json.dumps(cell))
        for name, other in (("of-30", {"videos": 30}), ("x4", {"times": 4})):
            odd = cell | other | {"accuracy": dict.fromkeys(figures, 0.0)}
            (tmp_path / "ours" / f"{regime}-{name}-{seed}.json").write_text(json.dumps(odd))
    return tmp_path


def test_spread_is_the_mean_and_deviation_over_seeds_in_points() -> None:
    assert spread([0.80, 0.84]) == "82.0 ± 2.8"
    assert spread([0.5]) == "50.0"
    assert spread([0.02, 0.04], signed=True) == "+3.0 ± 1.4"


def test_regimes_are_compared_seed_by_seed(folder: Path) -> None:
    cells = read_cells(folder / "ours")
    # +8 and +6 points: mean 7, standard error 1, Student's t with one degree of freedom 12.706
    assert compared(cells, FINDINGS[0]) == ["+7.0 (-5.7 to +19.7) not shown"]
    assert compared(cells, FINDINGS[1]) == ["hard: -20.0, one seed"]
    assert compared(cells, FINDINGS[3]) == []


@pytest.mark.parametrize(
    ("mixed", "easy", "told"),
    [
        ([0.90, 0.91, 0.92], [0.80, 0.81, 0.82], "+10.0 (+10.0 to +10.0) as the paper"),
        ([0.70, 0.71, 0.72], [0.80, 0.81, 0.82], "-10.0 (-10.0 to -10.0) turned round"),
    ],
)
def test_a_finding_is_as_the_papers_or_turned_round_if_its_interval_is_apart_from_zero(
    mixed: list[float], easy: list[float], told: str
) -> None:
    def cells(values: list[float]) -> list[dict[str, object]]:
        return [{"seed": seed, "accuracy": {"mixed": value}} for seed, value in enumerate(values)]

    assert compared({"easy-then-mixed": cells(mixed), "easy": cells(easy)}, FINDINGS[0]) == [told]


def test_rows_come_in_the_papers_order_with_its_figure_beside_accuracy(folder: Path) -> None:
    cells = read_cells(folder / "ours")
    first, _, *rows = regime_table(cells, "accuracy").splitlines()
    assert first == "| trained on | easy | 75/25 | hard | super-hard | paper | seeds |"
    assert rows == [
        "| easy | 91.0 ± 1.4 | 82.0 ± 2.8 | 70.0 ± 0.0 | 60.0 ± 0.0 | 69.0 | 2 |",
        "| hard | 60.0 | 60.0 | 70.0 | 60.0 | 52.3 | 1 |",
        "| easy, then 75/25 (the curriculum) | 92.0 ± 1.4 | 89.0 ± 1.4 | 70.0 ± 0.0 | 60.0 ± 0.0 | 78.4 | 2 |",
    ]


def test_the_page_has_a_table_and_a_picture_for_each_form_that_has_results(folder: Path, tmp_path: Path) -> None:
    page = write_results(folder, tmp_path)
    assert page.count("![") == 1
    assert "| easy, then 75/25 (the curriculum) | 89.0 ± 1.4 |" in page
    assert "0.50 s of a core a step" in page
    assert "| easy | 82.0 ± 2.8 | 91.0 ± 1.4 | 70.0 ± 0.0 | 60.0 ± 0.0 | 2 |" in page
    assert (tmp_path / "table1.png").read_bytes().startswith(b"\x89PNG")


def test_findings_stand_in_a_row_each(folder: Path) -> None:
    head, _, first, *_ = findings_table(whole_forms(read_forms(folder))).splitlines()
    assert head == "| finding | paper | Our form |"
    assert first == "| (a) the curriculum against easy only | +9.4 | +7.0 (-5.7 to +19.7) not shown |"


def test_every_regime_has_a_recipe_and_every_finding_names_regimes() -> None:
    recipes = {path.stem for path in (Path(__file__).parents[2] / "recipes" / "table1").glob("*.toml")}
    of_features_only = {"base-info-nce-augmented"}  # a start of experiments/downstream.py, no row of Table 1
    bases = {FORMS[form].base or form for form in FORM_TITLES}  # some forms are another's recipes on other videos
    assert recipes == REGIMES.keys() | {f"base-{base}" for base in bases} | of_features_only
    assert all({*finding.ones, finding.other} <= REGIMES.keys() for finding in FINDINGS)
