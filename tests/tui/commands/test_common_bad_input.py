"""A user's mistake: one clear line on stderr, exit code 2, nothing written, torch not imported, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.run.store import runs_root

TRAIN = ("--preset", "quickstart", "--headless")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "quickstrt", "--headless"), "unknown preset 'quickstrt'; did you mean quickstart?"),
        (("--headless",), "--headless needs --preset; available:"),
        ((*TRAIN, "--model", "resnet43"), "unknown model 'resnet43'; did you mean resnet"),
        ((*TRAIN, "--augmentation", "crop_flop"), "unknown augmentation 'crop_flop'; did you mean crop_flip?"),
        ((*TRAIN, "--schedule", "cosin"), "unknown schedule 'cosin'; did you mean cosine?"),
        ((*TRAIN, "--add-op", "cutmux"), "unknown augmentation op 'cutmux'; did you mean cutmix?"),
        (
            (*TRAIN, "--add-op", "random_crop:paddin=1"),
            "unknown key augmentation.random_crop.paddin; did you mean padding?",
        ),
        ((*TRAIN, "--drop-op", "cutmix"), "the recipe has no such op; it has random_crop, horizontal_flip"),
        ((*TRAIN, "--set", "optimizer.momentun=0.9"), "unknown key optimizer.momentun; did you mean momentum?"),
        ((*TRAIN, "--set", "epoch=3"), "unknown key epoch; did you mean epochs?"),
        ((*TRAIN, "--set", "epochs"), "write key.path=value"),
        ((*TRAIN, "--epochs", "0"), "epochs: got 0, needs >= 1"),
        ((*TRAIN, "--epochs", "-3"), "epochs: got -3, needs >= 1"),
        ((*TRAIN, "--epochs", "two"), "--epochs"),
        ((*TRAIN, "--batch-size", "1000000000000"), "batch_size: got 1000000000000, needs <= 1000000"),
        ((*TRAIN, "--lr", "inf"), "optimizer.lr: got inf"),
        ((*TRAIN, "--lr", "nan"), "optimizer.lr: got nan"),
        ((*TRAIN, "--lr", "-1"), "optimizer.lr: got -1"),
        ((*TRAIN, "--set", "data.fraction=2"), "data.fraction: got 2, needs <= 1"),
        (
            (*TRAIN, "--set", "data.train_slice=half"),
            """data.train_slice: got 'half', needs "all" or "first:X" with 0 <""",
        ),
        ((*TRAIN, "--set", "data.test_slice=first:2"), "data.test_slice: got 'first:2', needs"),
        ((*TRAIN, "--set", "data.normalize=given"), "data.mean: got 0 values, needs 3, one per channel"),
        ((*TRAIN, "--set", "data.mean=[.5,.5,.5]"), 'data.mean: only used with data.normalize = "given"'),
        ((*TRAIN, "--set", "evaluate.tta=ten"), "evaluate.tta: got 'ten', needs 'off', 'flip' or 'crops'"),
        ((*TRAIN, "--set", "data.name=mnist", "--add-op", "color_jitter"), "the images of mnist are gray"),
        ((*TRAIN, "--seed", "x"), "seeds: got 'x'"),
        ((*TRAIN, "--seeds", "4-1"), "seeds: the range 4-1 runs backwards"),
        ((*TRAIN, "--add-op", "mixup", "--add-op", "cutmix"), "mixup and cutmix both mix the whole batch"),
        ((*TRAIN, "--add-op", "ricap"), "ricap cannot be combined with random_crop; drop one of them, or set ricap"),
        (
            (*TRAIN, "--add-op", "choice:of=[mixup,cutmix],weights=[0,0]"),
            "choice.weights: all values are 0; at least one",
        ),
        (
            (*TRAIN, "--epochs", "1", "--set", "schedule.warmup=2"),
            "schedule.warmup: 2 epochs of warm-up do not fit into 1",
        ),
        ((*TRAIN, "--set", "compute.accumulate=129"), "compute.accumulate: got 129, needs <= batch_size = 128"),
        (
            (*TRAIN, "--set", "data.fraction=0.01"),
            "training images of shapes are left; use a smaller batch or more training images",
        ),
        ((*TRAIN, "--set", "loss.name=distillation"), "loss.teacher: name a finished run as the teacher:"),
        (("suites", "run", "tricks_3_2", "--rows", "nope"), "suite tricks_3_2: unknown row 'nope'"),
        ((*TRAIN, "--set", "optimizer=rmsprop"), "unknown optimizer 'rmsprop'; choose from adabound"),
        (
            (*TRAIN, "--set", "optimizer.name=adamw", "--set", "optimizer.momentum=0.9"),
            "momentum: adamw has no such option, lars, larc, muon and others have it",
        ),
        ((*TRAIN, "--parts", "/dev/null"), "cannot read parts from /dev/null: not a regular file"),
        ((*TRAIN, "--device", "gpu"), "device"),
        ((*TRAIN, "--device", "cuda"), "no GPU is visible"),
        ((*TRAIN, "--gpus", "2"), "gpus = 2 needs GPUs, but the device is cpu"),
        (("suites", "run", "tricks_3_2", "--gpus", "2"), "gpus = 2 needs GPUs, but the device is cpu"),
        ((*TRAIN, "--parts", "/no/such/file.py"), "/no/such/file.py"),
        ((*TRAIN, "--name", "x" * 1000), "name"),
        ((*TRAIN, "--no-such-flag"), "--no-such-flag"),
        (("modles",), "unknown command 'modles'; did you mean models?"),
        (("runs", "shwo", "x"), "unknown command 'shwo'; did you mean show?"),
        (("models", "show", "resnet43"), "unknown model 'resnet43'; did you mean resnet"),
        (("presets", "show", "nope"), "unknown preset 'nope'"),
        (("presets", "save", "../evil", "--from", "quickstart"), "preset name '../evil'"),
        (("presets", "save", "mine", "--from", "run:zzzz"), "zzzz"),
        (("runs", "show", "zzzz"), "zzzz"),
        (("runs", "resume", "../../etc"), "../../etc"),
        (("runs", "list", "--filter", "acc>much"), "much"),
        (("runs", "compare", "a"), "a"),
        (("data", "fetch", "cifar11"), "unknown data set 'cifar11'; did you mean cifar1"),
        (("data", "fetch", "shapes"), "needs no download"),
        (("data", "fetch", "--from", "/no/such.tar.gz"), "/no/such.tar.gz"),
        ((), "the workbench needs a terminal"),
        (("results",), "the workbench needs a terminal"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(cli, arguments, message, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    answer = cli(*arguments)
    assert answer.code == 2, answer
    assert message in answer.err and "Traceback" not in answer.err
    assert answer.out == ""
    assert not runs_root().exists(), "nothing was written"


@pytest.mark.parametrize(("content", "message"), [("epochs = [", "not valid TOML"), ("epochs = 3", "model: missing")])
def test_a_bad_recipe_file_is_named(cli, tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_text(content)
    answer = cli("--preset", path, "--headless")
    assert answer.code == 2 and str(path) in answer.err and message in answer.err


def test_missing_data_offline_says_where_it_looked_and_what_to_do(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.data.fetch.reachable", lambda *_: False)
    answer = cli("--preset", "resnet34_cutmix", "--headless", "--data-dir", tmp_path)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1
    for word in (str(tmp_path), "cifar-10-python.tar.gz", "quickstart", "--from"):
        assert word in answer.err, word
    assert not runs_root().exists()


def test_a_runs_folder_that_cannot_be_written_is_refused(cli, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    answer = cli(*TRAIN, "--runs-dir", file / "below")
    assert answer.code == 2 and str(file) in answer.err and file.read_text() == ""
    answer = cli(*TRAIN, "--runs-dir", file)
    assert answer.code == 2 and "not a folder" in answer.err


def test_a_runs_folder_on_a_read_only_disk_is_refused(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # what access(2) says there, to root as well
    answer = cli(*TRAIN, "--runs-dir", tmp_path)
    assert answer.code == 2 and f"cannot write to the runs folder {tmp_path}" in answer.err
    assert not list(tmp_path.glob("2*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_runs_folder_is_refused(cli, tmp_path):
    tmp_path.chmod(0o500)
    answer = cli(*TRAIN, "--runs-dir", tmp_path / "runs")
    assert answer.code == 2 and "runs" in answer.err


def test_a_mistake_is_answered_before_torch_and_textual_are_imported(tmp_path):
    code = (
        "import sys; sys.argv = ['cifar-tui', '--preset', 'quickstart', '--headless', '--lr', '-1']\n"
        "from tui.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 2\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'textual')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_folder_called_engine_where_the_user_stands_is_never_imported(tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    command = Path(sys.executable).with_name("cifar-tui")
    assert command.exists(), "the tests run in an environment where the project is installed"
    done = subprocess.run([command, "presets", "list"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "quickstart" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "path", ["/" + "a" * 5000, "/" + "a/" * 2500, "~nobody-of-that-name/runs"], ids=["name", "deep", "user"]
)
@pytest.mark.parametrize(
    "command", [("runs", "list", "--runs-dir"), ("--headless", "--preset")], ids=["runs", "preset"]
)
def test_a_path_that_cannot_be_is_one_short_line(cli, command, path):
    answer = cli(*command, path)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ") and "Traceback" not in answer.err and len(answer.err) < 1000


def test_a_home_that_cannot_be_written_is_one_line(cli, monkeypatch, tmp_path):
    """Its place is taken by a file, which stops the superuser as well."""
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("CIFAR_TUI_RUNS", str(tmp_path / "home" / "runs"))
    answer = cli("--preset", "quickstart", "--headless", "--detach")
    assert answer.code in (1, 2) and answer.out == ""
    assert answer.err.count("error: ") == 1 and "Traceback" not in answer.err


def test_the_workbench_says_that_it_draws_on_standard_error(cli, monkeypatch):
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{name}.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    answer = cli("results")
    assert answer.code == 2 and answer.out == ""
    assert answer.err.count("\n") == 1 and "draws on standard error, so leave out `2>`" in answer.err
