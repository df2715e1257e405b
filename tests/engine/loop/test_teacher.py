"""A student and its teacher: a finished run's model, on the student's own batches, and nothing else of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.run.create import create
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Finished, Message
from engine.contract.run.teacher import with_teacher
from engine.data.load import load
from engine.loop.setup import prepare
from engine.loop.teacher import load_teachers
from engine.models.build import build_model

CPU = torch.device("cpu")
SOME = {"name": "distillation", "teacher": "@last", "temperature": 3.0, "weight": 0.7}


@pytest.fixture
def teach(make) -> Callable[..., Any]:
    """Train a teacher to its end, with its events in its folder as the trainer leaves them."""

    def teach(**changes: Any) -> Any:
        trial = make(own=True, **changes)
        with EventWriter(trial.run.events) as writer:
            for event in trial.go():
                writer.write(event)
        return trial

    return teach


@pytest.fixture
def learn(make, tmp_path) -> Callable[..., Any]:
    """A student of the newest run, ready to go."""

    def learn(loss: dict[str, Any] = SOME, **changes: Any) -> Any:
        trial = make(loss=loss, **changes)
        shutil.rmtree(trial.run.path)
        trial.recipe, entry = with_teacher(trial.recipe, [tmp_path / "runs"], trial.parts)
        trial.run = create(tmp_path / "runs", trial.recipe, seed=trial.seed, teacher=entry)
        return trial

    return learn


def teachers(trial: Any, data: Any = None) -> Any:
    data = data or trial.data
    return load_teachers(trial.recipe, trial.run, data, data_dir="", device=CPU, parts=trial.parts)


def net(recipe: Recipe, trial: Any) -> nn.Module:
    return build_model(recipe.model, num_classes=10, catalog=trial.parts)


def test_one_step_equals_plain_torch(teach, learn):
    teacher = teach(model="dropout_net")
    options = {"name": "sgd", "lr": 0.1, "momentum": 0.0}
    one = {"epochs": 1, "batch_size": 330, "augmentation": [], "optimizer": options, "schedule": "constant"}
    trial = learn(**one)
    known = net(teacher.recipe, teacher)
    known.load_state_dict(teacher.weights())
    torch.manual_seed(trial.seed)
    student = net(trial.recipe, trial)
    optimizer = torch.optim.SGD(student.parameters(), 0.1)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trial.data.mean, trial.data.std))
    x, y = (trial.data.train.images / 255 - mean) / std, trial.data.train.labels
    logits = student(x)
    with torch.no_grad():
        said = F.softmax(known.eval()(x) / 3, 1)
    soft = F.kl_div(F.log_softmax(logits / 3, 1), said, reduction="batchmean") * 9
    (0.7 * soft + 0.3 * F.cross_entropy(logits, y)).backward()
    optimizer.step()
    trial.go()
    for name, value in student.state_dict().items():
        torch.testing.assert_close(trial.weights()[name], value, rtol=1e-4, atol=1e-6)


def test_a_teacher_without_weight_changes_no_bit(teach, learn, make):
    """So it draws nothing from its student's random numbers and leaves order and augmentation alone."""
    teach(model="dropout_net")
    ignoring, plain = learn({**SOME, "weight": 0.0}, model="dropout_net"), make(model="dropout_net")
    ignoring.go()
    plain.go()
    assert ignoring.ends_as(plain)


def test_a_student_comes_to_say_what_its_teacher_says(teach, learn):
    teach(model="dropout_net", epochs=1)
    trial = learn({**SOME, "weight": 1.0}, model="dropout_net", epochs=8, optimizer={"name": "adamw", "lr": 0.003})
    (known,) = teachers(trial)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trial.data.mean, trial.data.std))
    x = (trial.data.test.images / 255 - mean) / std

    @torch.no_grad()
    def apart(student: nn.Module) -> float:
        own, theirs = student.eval()(x).log_softmax(1), known(x).log_softmax(1)
        return F.kl_div(own, theirs, reduction="batchmean", log_target=True).item()

    torch.manual_seed(trial.seed)
    student = net(trial.recipe, trial)
    before = apart(student)
    trial.go()
    student.load_state_dict(trial.weights())
    assert apart(student) < 0.5 * before


def test_the_weights_are_those_that_the_teacher_was_judged_by(teach, learn):
    teacher = teach(averaging={"name": "ema", "decay": 0.5})
    (known,) = teachers(learn())
    judged = teacher.weights()
    assert all(torch.equal(value, judged[name]) for name, value in known.model.state_dict().items())
    assert known.about == f"teacher {teacher.run.id}: lenet, ema weights of epoch 3"


OTHERWISE = {"none": {}, "given": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}}


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_teacher_sees_images_normalised_as_it_has_learned_them(teach, learn, shapes_ready, how):
    teacher = teach(data={"name": "shapes", "normalize": how} | OTHERWISE[how])
    trial = learn()
    (known,) = teachers(trial)
    own = net(teacher.recipe, teacher)
    own.load_state_dict(teacher.weights())
    statistics = load(teacher.recipe.data, "", lambda name, note: None)
    pixels = trial.data.test.images[:20] / 255
    seen, learned = (
        (pixels - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
        for mean, std in ((trial.data.mean, trial.data.std), (statistics.mean, statistics.std))
    )
    torch.testing.assert_close(known(seen), own.eval()(learned), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(own(seen), own(learned), atol=1e-2)


def test_a_teacher_is_in_evaluation_without_gradients_and_in_the_students_layout(teach, learn):
    teach(model="dropout_net")
    (known,) = teachers(learn())
    seen = []
    known.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.randn(4, 3, 32, 32).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.equal(known(x), known(x)), "no dropout"
    assert not known(x).requires_grad
    assert all(image.is_contiguous(memory_format=torch.channels_last) for image in seen)
    assert not any(module.training for module in known.modules())


@pytest.mark.parametrize("asked", [3, 7])
def test_a_student_stopped_again_and_again_ends_with_the_same_bits(teach, learn, asked):
    teach(model="dropout_net")
    teacher = {**SOME, "teacher": "@last"}
    whole = learn(teacher)
    teacher["teacher"] = whole.recipe.loss.options["teacher"]
    pieces = learn(teacher)
    whole.go()
    while not isinstance(pieces.go(stop_after=asked)[-1], Finished):
        assert pieces.attempts < 20
    assert pieces.attempts > 2
    assert pieces.ends_as(whole)
    assert pieces.epochs() == whole.epochs()


def test_a_run_says_who_teaches_it(teach, learn):
    teacher = teach()
    told = [event.text for event in learn().go() if isinstance(event, Message)]
    assert f"teacher {teacher.run.id}: lenet, raw weights of epoch 3" in told


def test_a_student_goes_on_with_the_same_teacher_or_not_at_all(teach, learn, make):
    teacher = teach()
    trial = learn()
    trial.go(stop_after=3)
    other = make(seed=2)
    other.go()
    (ours,), (theirs,) = (list(run.checkpoints.iterdir()) for run in (teacher.run, other.run))
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)
    with pytest.raises(BadInput, match=f"the weights of run {teacher.run.id} have changed"):
        trial.go()
    shutil.rmtree(teacher.run.path)
    with pytest.raises(BadInput, match=f"run {teacher.run.id} is gone"):
        trial.go()


def test_a_damaged_teacher_is_refused(teach, learn):
    teacher = teach()
    trial = learn()
    weights = next(teacher.run.checkpoints.glob("*/weights.pt"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(
        BadInput, match=rf"loss\.teacher: the weights of run {teacher.run.id} cannot be read: .*SHA-256"
    ):
        trial.go()


def test_a_teacher_with_other_classes_is_refused(teach, learn, shapes_ready):
    teacher = teach(data={"name": "shapes", "normalize": "none"})
    trial = learn()
    data = replace(trial.data, classes=tuple(f"other {name}" for name in trial.data.classes))
    with pytest.raises(BadInput, match=f"run {teacher.run.id} was trained on other classes: "):
        teachers(trial, data)


def test_without_a_teacher_such_a_recipe_is_not_prepared(teach, learn, tmp_path):
    teach()
    trial = learn()
    with pytest.raises(BadInput, match="loss = distillation needs a teacher"):
        prepare(trial.recipe, trial.data, tmp_path / "probe", seed=0, device=CPU, threads=1, parts=trial.parts)


def test_student_teacher_and_loss_compile_into_one_graph(teach, learn, tmp_path):
    torch.compiler.reset()
    teach()
    trial = learn()
    setup = prepare(
        trial.recipe,
        trial.data,
        tmp_path / "probe",
        seed=0,
        device=CPU,
        threads=1,
        parts=trial.parts,
        teachers=teachers(trial),
    )
    x, y = torch.randn(4, 3, 32, 32), torch.eye(10)[:4]
    loss, logits = torch.compile(setup._objective, fullgraph=True, backend="aot_eager")(x, y)
    want, plain = setup._objective(x, y)
    torch.testing.assert_close(loss, want)
    torch.testing.assert_close(logits, plain)
    loss.backward()
    assert all(parameter.grad is not None for parameter in setup.parameters)


def test_changed_code_of_a_teacher_is_not_run_without_the_users_word(teach, learn, monkeypatch):
    taught = teach()
    student = learn()
    (code,) = own_code.code_of(taught.run)
    code.write_text(code.read_text() + "\nprint('another')\n")
    with pytest.raises(BadInput, match="has changed since run"):
        teachers(student)
    agreed = own_code.environment(own_code.approve([taught.run], trust=True))
    monkeypatch.setenv(own_code.VARIABLE, agreed[own_code.VARIABLE])
    assert len(teachers(student)) == 1


def test_a_run_tested_only_at_its_end_can_teach(teach, learn):
    teacher = teach(epochs=1, evaluate={"every": 0})
    student = learn(epochs=1)
    (found,) = teachers(student)
    assert all(torch.equal(value, teacher.weights()[name]) for name, value in found.model.state_dict().items())
