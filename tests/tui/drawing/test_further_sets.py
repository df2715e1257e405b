"""Results on further test sets in words and tables."""

from engine.contract.run.predicted import Predicted
from tui.drawing.further_sets import corruption_table, sentence, sets_table

ROWS = [
    {"name": name, "standard": name != "spatter", "accuracy": [0.9, 0.8, 0.7, 0.6, 0.5], "tta_accuracy": []}
    for name in ("fog", "snow", "spatter")
]
CORRUPTED = Predicted(
    name="cifar10-c", layout="corruptions", images=15 * 10_000, accuracy=0.7, sd=0.2, epoch=3, corruptions=ROWS
)
NEWER = Predicted(name="cifar10.1-v6", layout="cifar10.1", images=2000, accuracy=0.864, epoch=3, weights="ema")


def test_a_sentence_says_how_good_on_what_and_with_which_weights():
    assert sentence(NEWER) == "cifar10.1-v6: 86.40 ±1.50 %, 2,000 images, final ema weights of epoch 3"
    told = (
        "2 corruptions of 10,000 images at 5 severities, mean error 30.00 %, 70.00 % on 1 extra corruption, final raw"
    )
    assert told in sentence(CORRUPTED)
    assert sentence(Predicted(name="x", images=1)).startswith("x: no labels, 1 image, ")
    viewed = Predicted(name="x", images=4, accuracy=0.5, tta="flip", tta_accuracy=0.75)
    assert sentence(viewed).endswith(", 75.00 % with flip views")


def test_the_table_has_a_row_for_each_corruption_then_the_mean_then_the_extra_ones():
    table = corruption_table(CORRUPTED)
    assert [column.head for column in table.columns] == ["corruption", "1", "2", "3", "4", "5", "mean"]
    assert [row[0] for row in table.rows] == ["fog", "snow", "mean of 2", "spatter (extra)"]
    assert table.rows[2][1:] == ("90.0", "80.0", "70.0", "60.0", "50.0", "70.0")


def test_the_sets_of_a_run_stand_in_one_table():
    table = sets_table([NEWER, CORRUPTED, Predicted(name="new", images=9)])
    rows = table.rows
    assert rows[0] == ("cifar10.1-v6", "86.40", "±1.50", "2,000 images", "final, ema", "-")
    assert table.columns[-1].head == "mean error" and rows[1][-1] == f"{100 * (1 - CORRUPTED.accuracy):.2f}"
    assert sets_table([NEWER]).rows == (rows[0][:-1],), "no column of errors without a corrupted set"
    assert rows[1][3] == "2 corruptions of 10,000 images" and rows[2][1:3] == ("-", "-")
