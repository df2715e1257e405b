"""Presets: merged in order, a user's own beside the built-in ones, bad files named."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Recipe
from presets import loader
from presets.loader import Edits
from presets.references import recipe_of

PARTS = catalog()


def own(kind: str, name: str, text: str) -> Path:
    path = loader.user_folder() / kind / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", ["recipes", "models", "augmentations", "schedules"])
def test_every_built_in_preset_has_a_title_and_a_description(kind):
    found = loader.list_presets(kind)
    assert found
    for info in found:
        assert info.title and info.description and info.origin == "built-in", info.name


@pytest.mark.parametrize("info", loader.list_presets(), ids=lambda info: info.name)
def test_every_recipe_resolves_states_its_promise_and_its_command(info):
    recipe = recipe_of(info.name, PARTS)
    if recipe.promise is None:
        assert "It has not been measured yet" in recipe.description.replace("\n", " ")
    else:
        assert recipe.promise.source
    assert f"cifar-tui --preset {info.name} --headless" in info.path.read_text()


@pytest.mark.parametrize("info", loader.list_presets("augmentations"), ids=lambda info: info.name)
def test_every_augmentation_fits_a_recipe(info):
    assert recipe_of("quickstart", PARTS, Edits(augmentation=info.name)) is not None


@pytest.mark.parametrize("info", loader.list_presets("schedules"), ids=lambda info: info.name)
def test_every_schedule_fits_a_recipe(info):
    assert recipe_of("resnet34_cutmix", PARTS, Edits(schedule=info.name)).epochs == 500


def test_flags_go_over_the_recipe_and_set_goes_over_flags():
    edits = Edits(
        model="lenet",
        augmentation="crop_flip",
        fields={"epochs": 9, "optimizer.lr": 0.5},
        sets=["epochs=10"],
        drop_ops=["horizontal_flip"],
        add_ops=["color_jitter:hue=0.1"],
    )
    recipe = recipe_of("resnet34_cutmix", PARTS, edits)
    assert (recipe.model.name, recipe.epochs, recipe.optimizer.options["lr"]) == ("lenet", 10, 0.5)
    assert [op.name for op in recipe.augmentation] == ["random_crop", "color_jitter"]
    assert recipe.optimizer.options["momentum"] == 0.9, "what no flag names stays"


def test_a_named_part_may_be_changed_in_place():
    path = own("recipes", "mine", 'epochs = 20\nbatch_size = 8\nmodel = "lenet"\naugmentation = "none"\noptimizer = "sgd"\n'
               'schedule = {name = "cosine_warmup", warmup = 3.0}\n')  # fmt: skip
    for ref in ("mine", str(path)):
        schedule = recipe_of(ref, PARTS).schedule
        assert (schedule.name, schedule.options["warmup"], schedule.options["warmup_start"]) == ("cosine", 3.0, 0.1)


def test_a_users_preset_hides_a_built_in_one_of_its_name():
    own("recipes", "quickstart", 'title = "mine"\nepochs = 1\nbatch_size = 8\nmodel = "lenet"\noptimizer = "sgd"\n')
    assert recipe_of("quickstart", PARTS).model.name == "lenet"
    assert [info.origin for info in loader.list_presets() if info.name == "quickstart"] == ["yours"]


def test_presets_are_listed_by_name_as_people_count():
    names = [info.name for info in loader.list_presets() if info.name.endswith("_adam")]
    assert names == [f"resnet{depth}_adam" for depth in (18, 34, 50, 101, 152)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"epochs = [", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"#" * 300_000, "larger than"),
        (b"epochs = 1\nepochs = 2", "not valid TOML"),
        (b"", "epochs: missing"),
        (b'augmentation = "cropp"', "unknown augmentation 'cropp'"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        recipe_of(str(path), PARTS)
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        recipe_of(str(tmp_path / "no.toml"), PARTS)
    with pytest.raises(BadInput, match="unknown preset 'resnet34_cutmx'; did you mean resnet34_cutmix"):
        recipe_of("resnet34_cutmx", PARTS)
    with pytest.raises(BadInput, match="unknown preset 'zzz'; `cifar-tui presets list`"):
        recipe_of("zzz", PARTS)


def test_a_broken_preset_of_the_user_does_not_hide_the_others():
    own("recipes", "broken", "epochs = [")
    titles = {info.name: info.title for info in loader.list_presets()}
    assert "cannot be read" in titles["broken"] and "quickstart" in titles


# What section "4. Niwenjin/CIFAR-10" of the published project says, row by row: model, optimizer, lr, epochs, ops.
JITTER = ["random_crop", "horizontal_flip", "color_jitter"]
PUBLISHED = {
    **{f"resnet{d}_adam": (f"resnet{d}", "adam", 0.005, 200, []) for d in (18, 34, 50, 101, 152)},
    "resnet34_sgd_cosine": ("resnet34", "sgd", 0.005, 500, []),
    "resnet34_jitter": ("resnet34", "sgd", 0.005, 500, JITTER),
    "resnet34_cutmix": ("resnet34", "sgd", 0.005, 500, [*JITTER, "choice"]),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_projects_recipes_have_its_hyper_parameters(name):
    model, optimizer, lr, epochs, ops = PUBLISHED[name]
    recipe: Recipe = recipe_of(name, PARTS)
    options = recipe.optimizer.options
    assert (recipe.model.name, recipe.optimizer.name, options["lr"], recipe.epochs) == (model, optimizer, lr, epochs)
    assert [op.name for op in recipe.augmentation] == ops
    assert (recipe.batch_size, recipe.last_batch, options["weight_decay"], options["clip_norm"]) == (
        128,
        "keep",
        0.0,
        0.0,
    )
    assert recipe.model.options["init"] == "torch", "the source kept the framework's default"
    assert recipe.loss.options["label_smoothing"] == 0.0 and recipe.averaging.name == "off"
    if optimizer == "sgd":
        assert (options["momentum"], options["nesterov"]) == (0.9, False)
        schedule = recipe.schedule
        assert (schedule.name, schedule.options["by"], schedule.options["warmup"]) == ("cosine", "epoch", 0.0)
    else:
        assert recipe.schedule.name == "constant"


def test_train3_mixes_as_its_source_did():
    recipe = recipe_of("resnet34_cutmix", PARTS)
    crop, flip, jitter, mix = (op.options for op in recipe.augmentation)
    assert (crop["padding"], crop["fill"], flip["probability"]) == (4, "zero", 0.5)
    assert [jitter[key] for key in ("brightness", "contrast", "saturation", "hue")] == [0.4, 0.4, 0.4, 0.0]
    assert mix["per"] == "batch" and [op.name for op in mix["of"]] == ["cutmix", "mixup"]
    assert all(
        (op.options["alpha"], op.options["per"], op.options["pair"]) == (1.0, "batch", "roll") for op in mix["of"]
    )


@pytest.mark.usefixtures("mortal")
def test_a_folder_of_presets_that_one_may_not_read_is_not_passed_over(private_folders):
    folder = loader.user_folder() / "recipes"
    folder.mkdir(parents=True)
    folder.chmod(0)
    try:
        with pytest.raises(BadInput, match=f"cannot read the folder {folder}: permission denied, it belongs to"):
            loader.paths("recipes")
    finally:
        folder.chmod(0o700)
