"""How the workbench looks: option before file before terminal, and mistakes are named."""

import pytest

from engine.contract.errors import BadInput
from tui.app import Workbench
from tui.opening import run_workbench
from tui.settings import Settings, color_system, settings_of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[workbench]\ntheme = "okabe-ito"\nglyphs = "block"\n')
    return path


def test_an_option_wins_over_the_file_and_what_neither_names_stays_open(file):
    assert settings_of({"theme": "light", "colors": None}, file) == Settings("light", "block", "")
    assert settings_of({}, file.with_name("none.toml")) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[workbench]\ntheme = "drak"\n', "workbench.theme is 'drak'; did you mean dark?"),
        ("[workbench]\nglyphs = 3\n", "workbench.glyphs is 3; choose from braille, block, ascii"),
        ("[workbench]\nthemes = 3\n", "workbench.themes is not a setting; did you mean theme?"),
        ("[workbench]\nsmallest = 0\n", "workbench.smallest is 0; needs points of accuracy, above 0 and at most 100"),
        ('[workbench]\nsmallest = ".2"\n', "workbench.smallest is '.2'; needs points"),
        ("[workbnch]\n", "unknown table workbnch; did you mean workbench?"),
        ("workbench = 3\n", "workbench is not a table"),
        ("[", "cannot read"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_file_and_the_nearest_choice(file, text, said):
    file.write_text(text)
    with pytest.raises(BadInput) as error:
        settings_of({}, file)
    assert said in str(error.value) and str(file) in str(error.value)


def test_a_mistake_in_an_option_is_named():
    with pytest.raises(BadInput, match="--glyphs is 'brail'; did you mean braille"):
        settings_of({"glyphs": "brail"})


@pytest.mark.parametrize(
    ("colors", "environment", "system"),
    [
        ("", {}, "256"),
        ("auto", {"COLORTERM": "truecolor"}, "truecolor"),
        ("auto", {"COLORTERM": "24bit"}, "truecolor"),
        ("256", {"COLORTERM": "truecolor"}, "256"),
        ("true", {}, "truecolor"),
    ],
)
def test_there_are_256_colors_unless_the_terminal_or_the_user_says_otherwise(colors, environment, system):
    assert color_system(colors, environment) == system


def test_the_workbench_opens_as_the_settings_say(root, monkeypatch):
    seen = []
    monkeypatch.setattr(Workbench, "run", lambda self: seen.append((self.theme, self.glyphs)))
    run_workbench(roots=[root], settings=Settings("light", "ascii"))
    assert seen == [("cifar-light", "ascii")]


async def test_in_ascii_every_cell_of_every_screen_is_ascii(workbench, make_run, screen_text, settle):
    make_run(name="plain")
    app = Workbench(workbench("results").workspace, start_mode="results", settings=Settings(glyphs="ascii"))
    async with app.run_test(size=(120, 40)) as pilot:
        seen = ""
        for key in (*"213456", *["tab"] * 6):  # the sections, then the tabs of Inspect
            await pilot.press(key)
            await settle(pilot, 0.1)
            text = screen_text(app)
            odd = {letter for letter in text if not letter.isascii()}
            assert odd == set(), (app.current_mode, key, odd)
            seen += text
        assert "= accuracy %" in seen and "Confusion" in seen
