"""When labels look like another order of the classes."""

import numpy as np

from engine.predict.score import misplaced

CLASSES = ("cat", "dog", "frog", "ship")
RNG = np.random.default_rng(0)
LABELS = np.arange(400) % 4


def guesses(labels, accuracy):
    wrong = RNG.random(len(labels)) > accuracy
    return np.where(wrong, (labels + RNG.integers(1, 4, len(labels))) % 4, labels)


def test_a_permutation_of_the_classes_is_noticed_and_named():
    (note,) = misplaced(guesses((LABELS + 1) % 4, 0.9), LABELS, CLASSES)
    assert "most images of label 0 (cat) are predicted as dog" in note and "% would be correct" in note


def test_a_bad_model_with_right_labels_is_not_suspected():
    for accuracy in (0.9, 0.5, 0.25):
        assert misplaced(guesses(LABELS, accuracy), LABELS, CLASSES) == []
    assert misplaced(np.zeros(400, np.int64), LABELS, CLASSES) == []


def test_classes_without_images_do_not_matter():
    some = LABELS[LABELS < 2]
    assert misplaced(guesses(some, 0.9), some, CLASSES) == []
    assert len(misplaced(1 - some, some, CLASSES)) == 1
