"""Questions about weights: asked once, not at all where there are none, and a child that fails is one line."""

import json

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.launch import incoming

RECIPE = resolve({"epochs": 1, "batch_size": 32, "model": "lenet", "optimizer": {"name": "sgd", "lr": 0.1}}, catalog())


@pytest.fixture
def asked(monkeypatch):
    """The requests, which all get the same answer."""
    requests: list[dict] = []

    class Child:
        answer, code = {"note": "", "problems": []}, 0

        def __init__(self, module, request):
            requests.append(request)

        def read(self):
            return json.dumps(self.answer).encode()

        def wait(self):
            return self.code

        def last_error(self):
            return "ImportError: no torch"

        def stop(self):
            pass

    incoming._answer.cache_clear()
    monkeypatch.setattr(incoming, "PipedChild", Child)
    yield requests, Child
    incoming._answer.cache_clear()


def test_no_question_without_initial_weights(asked):
    assert incoming.check_initial(RECIPE, {}, catalog(), ()) == "" and not asked[0]


def test_the_same_question_is_asked_once(asked):
    for _ in range(3):
        incoming.check_initial(RECIPE, {"path": "x"}, catalog(), ())
    (request,) = asked[0]
    assert request["facts"] == {"num_classes": 10, "in_channels": 3, "image_size": 32}
    incoming.check_initial(RECIPE, {"path": "y"}, catalog(), ())
    assert len(asked[0]) == 2


def test_problems_and_failures(asked):
    asked[1].answer = {"note": "", "problems": ["x does not fit"]}
    with pytest.raises(BadInput, match="^init_from: x does not fit$"):
        incoming.check_initial(RECIPE, {"path": "x"}, catalog(), ())
    asked[1].code = 1
    with pytest.raises(BadInput, match="^init_from: the weights could not be read: ImportError: no torch$"):
        incoming.check_initial(RECIPE, {"path": "z"}, catalog(), ())
