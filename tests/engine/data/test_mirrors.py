"""Where archives may come from."""

import pytest

from engine.contract.errors import BadInput
from engine.data.mirrors import mirror_urls, mirrors_file
from engine.data.sources import CIFAR_MIRRORS, SOURCES

FILE = "cifar-10-python.tar.gz"
CIFAR = SOURCES["cifar10"]


@pytest.fixture
def settings():
    """Write mirrors.toml into the (private) config folder."""

    def write(text: str) -> None:
        mirrors_file().parent.mkdir(parents=True)
        mirrors_file().write_text(text)

    return write


def test_the_built_in_list_ends_with_the_official_host():
    assert mirror_urls(CIFAR, FILE)[-1] == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert len(mirror_urls(CIFAR, FILE)) == len(CIFAR_MIRRORS)
    assert not any("{" in url for url in mirror_urls(CIFAR, FILE))


def test_own_mirrors_come_before_the_built_in_ones(settings):
    settings('mirrors = ["https://a.example/data/", "http://b.example/get?name={file}"]')
    assert mirror_urls(CIFAR, FILE)[:2] == (f"https://a.example/data/{FILE}", f"http://b.example/get?name={FILE}")
    assert mirror_urls(CIFAR, FILE)[2:] == tuple(url.replace("{file}", FILE) for url in CIFAR_MIRRORS)


def test_the_built_in_list_can_be_left_out(settings):
    settings('mirrors = ["https://a.example"]\nbuiltin = false')
    assert mirror_urls(CIFAR, FILE) == (f"https://a.example/{FILE}",)


def test_the_environment_replaces_every_other_list(settings, monkeypatch):
    settings('mirrors = ["https://a.example"]')
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", " http://c.example/x/{file}  http://d.example ")
    assert mirror_urls(CIFAR, FILE) == (f"http://c.example/x/{FILE}", f"http://d.example/{FILE}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mirrors = [", "cannot read"),
        ('miror = ["https://a.example"]', "unknown key miror; did you mean mirrors?"),
        ('mirrors = "https://a.example"', "must be a list"),
        ("mirrors = [1]", "must be a list"),
        ('builtin = "no"', "must be true or false"),
        ("builtin = false", "no mirror is left"),
        ('mirrors = ["ftp://a.example"]', "'ftp://a.example' from .* is not an http or https URL"),
        ('mirrors = ["file:///etc/passwd"]', "not an http or https URL"),
        ('mirrors = ["https:///x"]', "not an http or https URL"),
        ('mirrors = ["http://[::1/x"]', "not an http or https URL"),
        ('mirrors = ["http://a.example:port/x"]', "not an http or https URL"),
        ('mirrors = ["http://a.example:99999/x"]', "not an http or https URL"),
        ('mirrors = ["http://%s.example/x"]' % ("a" * 64), "not an http or https URL"),
        ("mirrors = " + "[" * 5000, "nested too deeply"),
        ("builtin = " + "9" * 5000, "cannot read"),
    ],
)
def test_a_mistake_in_mirrors_toml_is_named_with_its_file(settings, text, message):
    settings(text)
    with pytest.raises(BadInput, match=message) as caught:
        mirror_urls(CIFAR, FILE)
    assert str(mirrors_file()) in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "htps://ada:s3cret@mirror.example/{file}",
        "https:/ada:s3cret@mirror.example",
        "ada:s3cret@mirror.example/{file}",
        "https://ada:s3cret@mirror.example:port/x",
        "https://ada:s3/cret@[::1/x",
        "ftp://mirror.example/{file}?key=s3cret",
        "https://ada:s3cret@",
    ],
)
def test_a_wrong_address_is_named_without_its_password(monkeypatch, address):
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", address)
    with pytest.raises(BadInput, match=r"mirror '.*' from \$CIFAR_TUI_MIRRORS is not an http or https URL") as caught:
        mirror_urls(CIFAR, FILE)
    assert "ada" not in str(caught.value) and "cret" not in str(caught.value)


def test_a_mistake_in_the_environment_is_named_too(monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", "example.org/cifar")
    with pytest.raises(BadInput, match="CIFAR_TUI_MIRRORS"):
        mirror_urls(CIFAR, FILE)


def test_one_address_tells_data_sets_with_files_of_the_same_name_apart(monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", "http://c.example/{name}/{file} http://d.example/{name}")
    file = "t10k-labels-idx1-ubyte.gz"
    for name in ("mnist", "fashion_mnist"):
        urls = (f"http://c.example/{name}/{file}", f"http://d.example/{name}/{file}")
        assert mirror_urls(SOURCES[name], file) == urls


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_built_in_mirror_is_an_address_with_room_for_the_file(source):
    assert all(url.startswith("http") and url.count("{file}") == 1 for url in source.mirrors)
