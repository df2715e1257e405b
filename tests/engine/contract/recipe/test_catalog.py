"""The catalog reads marks from source, imports nothing, and refuses what it cannot read."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import ENGINE, KINDS, Catalog, catalog, scan

HEAD = "from typing import Annotated, Literal\nfrom engine.contract.catalog import Spec, register\n"


def parts_of(tmp_path: Path, source: str, name: str = "parts.py") -> Catalog:
    path = tmp_path / name
    path.write_text(HEAD + source)
    return Catalog(tuple(scan(path, "")))


def test_a_mark_is_read_without_running_the_file(tmp_path):
    found = parts_of(
        tmp_path,
        """
raise SystemExit("this file must not run")
@register("model", title="Net", year=2015, paper="1512.03385", params=10, gmacs=0.5, aliases=("N",))
def net(num_classes: int = 10, *, width: Annotated[int, Spec("channels", ge=1, le=64, unit="ch")] = 16):
    '''A net.

    More.
    '''
""",
    )
    part = found.get("model", "N")
    assert (part.name, part.title, part.summary, part.positional) == ("net", "Net", "A net.", ("num_classes",))
    assert part.meta == {"year": 2015, "paper": "1512.03385", "params": 10, "gmacs": 0.5}
    (width,) = part.params
    assert (width.type, width.default, width.help, width.range, width.unit) == (
        "int",
        16,
        "channels",
        "1 <= x <= 64",
        "ch",
    )


def test_a_class_takes_its_name_in_snake_case_and_its_options_from_init(tmp_path):
    found = parts_of(
        tmp_path,
        """
@register("op", title="Crop", stage="image")
class RandomCrop:
    def __init__(self, *, fill: Annotated[Literal["zero", "reflect"], Spec("border")] = "zero"): ...
""",
    )
    part = found.get("op", "random_crop")
    assert part.params[0].choices == ("zero", "reflect")


def test_parts_of_a_file_may_share_an_option(tmp_path):
    found = parts_of(
        tmp_path,
        """
Dropout = Annotated[float, Spec("rate", ge=0.0, lt=1.0)]
@register("model", title="One")
def one(num_classes: int = 10, *, dropout: Dropout = 0.0): ...
@register("model", title="Two")
def two(num_classes: int = 10, *, dropout: Dropout = 0.3): ...
""",
    )
    options = [found.get("model", name).params[0] for name in ("one", "two")]
    assert [(param.name, param.help, param.default) for param in options] == [
        ("dropout", "rate", 0.0),
        ("dropout", "rate", 0.3),
    ]


def test_an_option_may_come_from_an_options_module_of_the_engine(tmp_path):
    """Read from source like everything else, and the same when the file is really imported."""
    path = tmp_path / "mine.py"
    path.write_text(
        HEAD
        + """
from engine.models.options import DropoutRate as Rate, InitOption
@register("model", title="Mine")
def mine(num_classes: int = 10, *, init: InitOption = "torch", dropout: Rate = 0.3): return init, dropout
"""
    )
    found = catalog((path,))
    part, ours = found.get("model", "mine"), found.get("model", "googlenet")
    init, dropout = part.params
    assert (init.name, init.type, init.default, init.choices) == ("init", "choice", "torch", ("he", "torch"))
    assert (dropout.name, dropout.type, dropout.default, dropout.range) == ("dropout", "float", 0.3, "0 <= x < 1")
    assert {param.name: param.help for param in part.params} == {param.name: param.help for param in ours.params}
    assert found.load(part)() == ("torch", 0.3)


@pytest.mark.parametrize(
    "line",
    [
        "from engine.models.options import Unheard as InitOption",
        "from engine.models.resnet import InitOption",
        "from .options import InitOption",
        "from options import InitOption",
        "from engine.models import options as InitOption",
        "import engine.models.options as InitOption",
    ],
)
def test_no_other_import_is_followed(tmp_path, line):
    (tmp_path / "options.py").write_text(f"{HEAD}InitOption = Annotated[int, Spec('not to be read')]\n")
    source = f"{line}\n@register('model', title='x')\ndef net(*, init: InitOption = 1): ..."
    with pytest.raises(BadInput, match=r"parts.py:\d+: option 'init': write .* \(not Annotated\)"):
        parts_of(tmp_path, source)


@pytest.mark.parametrize("room", ["models", "augment", "optim"])
def test_an_option_that_several_files_share_is_written_once(room):
    written: dict[str, set[str]] = {}
    for path in (ENGINE / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Annotated":
                written.setdefault(ast.unparse(node), set()).add(path.name)
    assert {text: sorted(files) for text, files in written.items() if len(files) > 1} == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n@register('model', title=x)\ndef net(): ...", "literals only"),
        ("@register('modl', title='x')\ndef net(): ...", "unknown kind 'modl'; did you mean model"),
        ("@register('model', title='x')\ndef net(*, width: int = 1): ...", "'width'"),
        ("@register('model', title='x')\ndef net(*, width: Annotated[int, 'help'] = 1): ...", "'width'"),
        ("@register('model', title='x')\ndef net(*, width: Annotated[int, Spec('w')]): ...", "no default"),
        ("@register('model', title='x')\ndef net(*, width: Annotated[dict, Spec('w')] = 1): ...", "'width'"),
        ("def net(:", "cannot read parts"),
    ],
)
def test_a_mark_that_cannot_be_read_names_file_and_fix(tmp_path, source, message):
    with pytest.raises(BadInput, match="parts.py") as error:
        parts_of(tmp_path, source if "def net(:" not in source else source + "\nregister(")
    assert message in str(error.value)


def test_a_name_registered_twice_is_refused_and_both_places_are_named(tmp_path):
    source = "@register('model', title='x')\ndef net(): ...\n@register('model', title='y', aliases=('net',))\ndef other(): ..."
    with pytest.raises(BadInput, match=r"'net' is registered twice: .*parts.py:4 and .*parts.py:6"):
        parts_of(tmp_path, source)


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(BadInput, match="unknown model 'resnet33'; did you mean resnet34"):
        catalog().get("model", "resnet33")


def test_a_users_own_file_is_listed_and_loaded(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + "@register('loss', title='Mine')\ndef mine(): return 7\n")
    found = catalog((path,))
    assert "cross_entropy" in found.names("loss")
    assert found.load(found.get("loss", "mine"))() == 7


def test_any_model_of_timm_is_a_part():
    part = catalog().get("model", "timm:resnet10t")
    assert part.name == "timm:resnet10t" and part.params == ()


def test_every_built_in_part_is_complete():
    parts = catalog()
    for kind in KINDS:
        assert parts.parts(kind), kind
        for part in parts.parts(kind):
            assert part.title and part.summary, part.name
            assert part.name == part.name.lower(), part.name
            for param in part.params:
                assert param.help, (part.name, param.name)
                assert param.type in ("bool", "str", "choice", "list[Op]") or param.range, (part.name, param.name)
            assert part.schema() is part.schema(), "the schema is built once"
            if not any(param.required for param in part.params):
                part.schema()(**part.defaults)


def test_listing_all_parts_imports_no_torch():
    code = "import sys; from engine.contract.recipe.catalog import catalog; catalog(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["model", "op", "optimizer", "schedule", "loss"])
def test_every_part_loads_from_its_own_file(kind):
    parts = catalog()
    for part in parts.parts(kind):
        assert callable(parts.load(part))
