"""The memory of a planned run follows the number of GPUs as it is typed."""

from engine.contract.recipe.catalog import catalog
from engine.launch import devices
from presets.references import recipe_of
from tui.plans.memory import cards_here, memory_of


def test_gpus_that_share_a_batch_each_hold_a_part_of_it():
    recipe = recipe_of("resnet34_cutmix", catalog())
    one, two, four = (memory_of(recipe, text, 4, catalog()).total for text in ("", "2", "all"))
    assert one > two > four
    assert memory_of(recipe, "all", 0, catalog()).total == memory_of(recipe, "x", 4, catalog()).total == one


def test_only_cards_that_respond_are_listed(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    healthy = devices.Gpu(0, "GPU-a", "RTX 4090", memory_total=24, memory_used=20)
    lost = devices.Gpu(1, "", "RTX 4090", None, None, problem="GPU is lost")
    monkeypatch.setattr(devices, "gpus", lambda: [healthy, lost])
    assert cards_here() == (("RTX 4090", 4, 24),)
