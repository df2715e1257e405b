"""What a comparison takes from the course of a run."""

import math

from engine.analysis.standing import standing
from engine.contract.run.course import Course
from engine.contract.run.events import Epoch, RunStarted
from engine.contract.run.folder import RunInfo


def course(*accuracies: float, planned: int = 3) -> Course:
    found = Course()
    found.take(RunStarted(epochs=planned, test_images=100))
    for epoch, accuracy in enumerate(accuracies, 1):
        found.take(Epoch(epoch=epoch, test_accuracy=accuracy))
    return found


def test_it_holds_the_accuracies_of_the_course():
    one = standing("run", RunInfo(preset="tiny", seed=4, data="cifar10"), course(0.1, math.nan, 0.3))
    assert (one.id, one.name, one.seed, one.data, one.epochs, one.test_images) == ("run", "tiny", 4, "cifar10", 3, 100)
    assert one.epoch.tolist() == [1, 2, 3] and (one.accuracy_at(1), one.accuracy_at(3)) == (0.1, 0.3)
    assert math.isnan(one.accuracy_at(2)) and math.isnan(one.accuracy_at(9))
    assert (one.last_epoch, one.best_epoch, one.finished) == (3, 3, True)


def test_a_run_is_finished_only_where_its_last_planned_epoch_was_tested():
    info = RunInfo(model="lenet", epochs=3)
    assert not standing("run", info, course(0.1, 0.2)).finished
    assert not standing("run", info, course(0.1, 0.2, math.nan)).finished
    begun = standing("run", info, Course())
    assert (begun.name, begun.epochs, begun.last_epoch, begun.finished) == ("lenet", 3, 0, False)
