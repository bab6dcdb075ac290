"""README, CONTRIBUTING and the pages in docs: their links, commands and programs."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

import attentive_rnn
import attentive_rnn.data
from attentive_rnn.cli import main
from attentive_rnn.training import list_recipes
from attentive_rnn.training.recipes import read_recipe
from films import write_film

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [  # run from top to bottom
    *(f"docs/{name}.md" for name in ("coming-from", "formats", "report", "skeletons", "texts")),
    *(name for page in PAGES if (name := page.relative_to(ROOT).as_posix()).startswith("docs/tutorials/")),
]
REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kinds: str) -> list[str]:
    return re.findall(rf"```(?:{kinds})\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def lines(page: Path) -> list[str]:
    """Every line `attentive ...` in the blocks of a page; it ends where no quotation and no backslash carries it on."""
    found: list[str] = []
    for block in blocks(page, "sh|console"):
        whole = ""
        for line in block.splitlines():
            whole += line.removesuffix("\\") + " "
            if line.endswith("\\") or whole.split(" #")[0].count("'") % 2:
                continue
            if match := re.match(r"(?:\$ |[^#]*\| )?(attentive .*)", whole):
                found.append(match[1])
            whole = ""
    return found


def mentions(page: Path) -> list[str]:
    """Every `attentive ...` within the sentences of a page, which may leave out arguments."""
    sentences = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`(attentive [^`]+)`", sentences)]


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of an option that does not exist, behind words that should be right; it runs nothing."""
    capsys.readouterr()
    assert main([*words, "--no-such-option"]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_links_to_or_shows_is_there(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_contents_of_the_site():
    contents = set((ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines())
    pages = {page.relative_to(ROOT / "docs").with_suffix("").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages - contents == {"index"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_a_page_names_is_there(page):
    text, package = page.read_text(encoding="utf-8"), ROOT / "src" / "attentive_rnn"
    named = re.findall(r"`((?:src|tests|docs|native|benchmarks|tools)/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
    if page.name == "CONTRIBUTING.md":
        folders = "|".join(folder.name for folder in package.iterdir() if folder.is_dir())
        named = re.findall(rf"`((?:{folders})/[\w./-]*)`", text)
        assert len(named) > 20
        assert [path for path in named if not (package / path).exists() and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_and_make_target_that_a_page_runs_is_there(page):
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:benchmarks|docs)\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_is_one_that_the_parser_takes(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mentioned = mentions(page)
    for line in dict.fromkeys(lines(page) + mentioned):
        words = shlex.split(line.split(" > ")[0], comments=True)[1:]
        words = [word for word in words if word not in ("...", "--help", "--version")]
        if not words or words[0].isupper():
            continue
        refused = refusal(words, capsys)
        short = line in mentioned and "arguments are required" in refused
        assert short or "unknown option '--no-such-option'" in refused, f"{line}: {refused}"
        if words[0] in ("train", "compare", "reproduce"):
            assert_the_recipe_takes(words, line)


def assert_the_recipe_takes(words: list[str], line: str) -> None:
    """The recipe that is named exists and takes the values of --section.key."""
    recipe = words[1] if len(words) > 1 and not words[1].startswith("-") and words[0] in ("train", "compare") else None
    data = recipe is not None and "." in recipe  # gestures.csv; or mine.yaml, which a test of the page trains
    if recipe is not None and not recipe.isupper() and not data:
        assert recipe in list_recipes(), line
    else:
        recipe = "sequence"
    values = []
    for i, word in enumerate(words):
        if match := re.fullmatch(r"--([a-z_]+\.[a-z_.]+)(?:=(.*))?", word):
            value = match[2] or words[i + 1]
            values += [] if value.isupper() else [(match[1], value)]  # a capital K, say, stands for a number
    assert_readable(recipe, tuple(values))


@cache
def assert_readable(recipe: str, values: tuple[tuple[str, str], ...]) -> None:
    """Every key exists, and takes the value."""
    if values:
        read_recipe(recipe, list(values))


def test_the_pages_hold_commands_to_check():
    assert sum(len(lines(page)) + len(mentions(page)) for page in PAGES) > 100


def test_the_guide_to_explanations_prints_what_its_comment_says(capsys):
    (program,) = blocks(ROOT / "docs" / "explain.md", "python")
    exec(compile(program, "docs/explain.md", "exec"), {})
    assert capsys.readouterr().out == "torch.Size([50, 8, 60])\n"


def test_the_guides_to_streaming_and_to_commands_name_a_run_and_recognise_its_frames(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--model.hidden_size", "6", "--model.num_layers", "1", "--training.max_epochs", "1", "--device", "cpu"]
    assert main(["train", "japanese-vowels", *small]) == 0
    (run,) = (tmp_path / "runs" / "japanese-vowels").iterdir()
    run.rename("RUN")
    capsys.readouterr()
    (program,) = blocks(ROOT / "docs" / "streaming.md", "python")
    exec(compile(program, "docs/streaming.md", "exec"), {})
    label, probability = capsys.readouterr().out.split()
    assert label in {str(number) for number in range(1, 10)}
    assert 0 < float(probability) < 1
    (program,) = blocks(ROOT / "docs" / "commands.md", "python")
    exec(compile(program, "docs/commands.md", "exec"), {})
    answer, accuracy, attended = capsys.readouterr().out.splitlines()
    assert answer.startswith(f"['{label}'] (1, 9) [[('{label}', ")
    assert float(accuracy) == json.loads(Path("RUN/results.json").read_text())["test"]["accuracy"]
    assert attended.endswith(" of the attended input")


def test_the_guide_to_estimators_scores_predicts_and_explains(capsys):
    (program,) = blocks(ROOT / "docs" / "python.md", "python")
    exec(compile(program, "docs/python.md", "exec"), {})
    scores, predicted, attended = capsys.readouterr().out.splitlines()
    assert len(scores.strip("[]").split()) == 3
    assert predicted == "['moving' 'still'] (2, 2)"
    assert attended.endswith(" of the attended input")


def test_every_other_python_program_of_a_page_is_run_by_a_test():
    programs = {name_of(page): len(blocks(page, "python")) for page in PAGES}
    assert {name: count for name, count in programs.items() if count and name not in GUIDES} == {
        "README.md": 1,  # tests/test_readme.py
        "docs/commands.md": 1,
        "docs/explain.md": 1,
        "docs/python.md": 1,
        "docs/streaming.md": 1,
    }


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning:torch")  # of torch.onnx.export
@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_runs_from_top_to_bottom_and_prints_what_it_shows(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for film in ("wave/a.mp4", "clap/b.mp4"):  # no page can show a video
        write_film(tmp_path / "videos" / film, 4)
    program: dict[str, object] = {}
    text = (ROOT / name).read_text(encoding="utf-8")
    for kind, block in re.findall(r"```(python|console|sh)\n(.*?)```", text, re.DOTALL):
        if kind == "python":
            exec(compile(block, name, "exec"), program)
            assert capsys.readouterr().out.splitlines() == re.findall(r"^ *print\(.*\)  # (.*)", block, re.MULTILINE)
            continue
        lines = block if kind == "console" else re.sub("^", "$ ", block.strip("\n"), flags=re.MULTILINE) + "\n"
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", lines, re.MULTILINE):
            if command.startswith("cat "):
                file = Path(command.removeprefix("cat "))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(shown, encoding="utf-8")
                continue
            status, printed = run(command), "".join(capsys.readouterr())
            assert status == (2 if "attentive: error:" in shown else 0), f"{command}\n{printed}"
            if shown:
                same = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
                assert same, f"{command}\n{printed}"


def run(command: str) -> int:
    """Run a command of a page, with the newest run in the place of <time>."""
    words = shlex.split(command, comments=True)
    assert words.pop(0) == "attentive"
    for i, word in enumerate(words):
        if "<time>" in word:
            runs = [entry.name for entry in Path(word).parent.iterdir() if (entry / "config.yaml").is_file()]
            words[i] = word.replace("<time>", max(runs))
    return main(words)


def test_the_gallery_is_what_its_generator_makes_of_the_pictures(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    gallery = importlib.import_module("docs.gallery")
    monkeypatch.setattr(gallery, "HERE", tmp_path)
    gallery.main([])
    assert (tmp_path / "gallery.md").read_bytes() == (ROOT / "docs" / "gallery.md").read_bytes()


def test_every_note_of_a_data_report_is_explained():
    kinds = [
        "name no training and test part",
        "are copies of one in",
        "has a single frame",
        "is all zeros",
        "stands still",
        "begins",
        "ends",
        "with an empty frame",
        "is unbalanced",
        "features never change",
        "hundredfold in scale",
        "not to be metres",
        "at exactly 0",
        "have a second person but no first one",
        "the labels differ",
    ]
    check = ROOT / "src" / "attentive_rnn" / "data" / "check"
    report = "".join(file.read_text(encoding="utf-8") for file in sorted(check.glob("*.py")))
    for kind in kinds:
        assert kind in report
        assert kind in REPORT


@pytest.mark.parametrize("name", [name for name in attentive_rnn.__all__ if not name.startswith("__")])
def test_every_public_name_has_an_example(name):
    examples = doctest.DocTestFinder(recurse=False).find(getattr(attentive_rnn, name), name)
    assert any(test.examples for test in examples)


def test_the_data_package_has_examples():
    package = attentive_rnn.data
    names = [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + "."))]
    found = [test for name in names for test in doctest.DocTestFinder().find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in found) > 20


def test_every_package_with_public_names_is_in_the_reference():
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md"))
    named = re.findall(r"automodule:: attentive_rnn\.([\w.]+)", pages)
    package = ROOT / "src" / "attentive_rnn"
    public = [
        file.parent.relative_to(package) for file in package.rglob("__init__.py") if "__all__ = " in file.read_text()
    ]
    assert len(public) > 15
    for folder in public:
        name = ".".join(folder.parts)
        assert name in ("", *named) or name.startswith("data."), name  # of what lies in data, data has the public names


def test_the_reference_of_layers_has_all_of_them_and_begins_with_the_layer_to_begin_with():
    page = (ROOT / "docs" / "api" / "layers.md").read_text(encoding="utf-8")
    listed = re.findall(r"autoclass:: attentive_rnn\.layers\.(\w+)\n", page)
    assert listed[0] == "EleAttGRU"
    assert sorted(listed) == sorted(attentive_rnn.layers.__all__)


def test_the_citation_names_the_version_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
