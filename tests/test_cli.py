"""The command itself: help, exit statuses, and one line for what a user gets wrong."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from attentive_rnn.cli import COMMANDS, main
from attentive_rnn.commands.arguments import CONFIGURATION
from attentive_rnn.training import Config
from commands.calls import COMMAND, VOWELS, fails


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "unknown command 'trian'; did you mean train?"),
        (["train"], "give a RECIPE"),
        (["train", "japanese-vowls"], "did you mean 'japanese-vowels'?"),
        (["train", VOWELS, "--sed", "3"], "unknown option '--sed'; did you mean --seed"),
        (["train", VOWELS, "another"], "unknown argument 'another'"),
        (["train", VOWELS, "--init-from", "nowhere"], "nowhere: there is no such run folder"),
        (["train", VOWELS, "--optim.lrr", "3"], "unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        (["train", VOWELS, "--optim.lr", "fast"], "optim.lr must be a number, got 'fast'"),
        (["train", VOWELS, "--optim.lr"], "option --optim.lr needs a value"),
        (["train", VOWELS, "--optim.lr", "--seed", "3"], "option --optim.lr needs a value"),
        (["train", VOWELS, "--seed"], "--seed: expected one argument"),
        (["train", VOWELS, "--seed", "x"], "seed must be an integer, got 'x'"),
        (["train", VOWELS, "--device", "tpu"], "device must be auto, cpu, cuda or cuda:INDEX"),
        (["train", VOWELS, "--data.path", "/"], "is part of the package"),
        (["train", "paper/nucla"], "data.path is missing"),
        (["train", "paper/nucla", "--data.path", "absent.zip"], "absent.zip"),
        (["train", "--data", "absent.zip"], "absent.zip"),
        (["train", "absent.yaml"], "absent.yaml: there is no such file"),
        (["train", "gestures.csv"], "gestures.csv: there is no such file; give the path of a data set, or a recipe"),
        (["predcit"], "unknown command 'predcit'; did you mean predict?"),
        (["train", VOWELS, "--optoin", "a=1"], "unknown option '--optoin'; did you mean --option?"),
        (["train", "--resume", "runs/absent"], "runs/absent: there is no such run folder"),
        (["train", VOWELS, "--output-dir", "/dev/null/x"], "/dev/null/x"),
        (["evaluate"], "the following arguments are required: RUN"),
        (["evaluate", "absent"], "absent: there is no such run folder"),
        (["evaluate", "absent", "--optim.lr", "3"], "takes no --section.key options, got --optim.lr"),
        (["predict", "absent", "x.ts"], "absent: there is no such run folder"),
        (["data", "check", "absent.ts"], "absent.ts"),
        (["data", "chek"], "invalid choice: 'chek'"),
        (["compare", VOWELS, "--seeds", "a"], "argument --seeds: invalid int value: 'a'"),
        (["compare", VOWELS, "--seeds", "1", "1"], "--seeds must be different integers"),
        (["compare", VOWELS, "--model.gate", "null"], "model.gate must not be null"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(arguments, message, capsys):
    assert message in fails(arguments, capsys)
    assert not Path("runs").exists()


def test_escapes_and_markup_of_a_name_are_shown_as_they_are(tmp_path, capsys):
    shown = fails(["data", "check", tmp_path / "[red]\x1b[31m\nname.ts"], capsys)
    assert r"[red]\x1b[31m name.ts" in shown


def test_what_cannot_be_written_is_one_line_and_exit_status_2(monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "events.tfevents")

    monkeypatch.setattr("attentive_rnn.cli._run", full)
    assert fails([], capsys) == "attentive: error: events.tfevents: cannot be used: No space left on device\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["data"], ["--version"]])
def test_help_and_version_exit_with_0(arguments, capsys):
    try:
        status = main(arguments)
    except SystemExit as leave:
        status = leave.code
    assert status == 0
    assert "attentive" in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        "import attentive_rnn",
        "import attentive_rnn.training",
        "from attentive_rnn.cli import main; main(['info'])",
        "from attentive_rnn.cli import main; main(['data', 'list'])",
        "from attentive_rnn.cli import main; main([])",
    ],
)
def test_what_does_not_train_does_not_import_lightning(code):
    check = f"{code}\nimport sys\nslow = ['lightning_fabric', 'tensorboard', 'matplotlib', 'scipy', 'sklearn']\n"
    check += "print([name for name in slow if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["--help"], ["--version"], ["train", "--help"], ["data"], ["data", "list"], ["completion", "bash"]),
        *(["info"], ["info", "--json"], ["train", "skeleton", "--print_config"], ["trian"], ["train", "skeletn"]),
        *(["train", "skeleton", "--optim.lrr", "1"], ["compare", "nope"], ["train", "--optoin", "x"]),
    ],
    ids=" ".join,
)
def test_what_needs_no_tensor_does_not_import_torch(arguments):
    code = f"""
import sys
from attentive_rnn.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


EVERY = [one for command in COMMANDS for one in (command, *command.actions)]


@pytest.mark.parametrize("command", EVERY, ids=[command.name for command in EVERY])
def test_the_example_of_a_command_is_one_that_it_takes(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("gestures.csv").touch()  # a data set is looked for at once
    called = []
    for one in EVERY:
        monkeypatch.setattr(one, "run", lambda arguments, name=one.name: called.append(name) or 0)
    words = shlex.split(command.example.split(" > ")[0])
    assert words[0] == "attentive"
    assert main(words[1:]) == 0
    assert called == ["check" if command.name == "data" else command.name]
    with pytest.raises(SystemExit):
        main([*(["data"] if command not in COMMANDS else []), command.name, "--help"])
    assert f"Example:\n  {command.example}" in capsys.readouterr().out


def test_every_command_ends_with_what_to_type_next():
    silent = {"serve", "completion", "study", "reproduce"}  # a server, lines for a shell, and tables of many runs
    assert {command.name for command in EVERY if command.run is not None and command.next is None} == silent


def test_the_path_from_a_file_to_an_exported_model_is_shown_without_a_command(capsys):
    assert main([]) == 0
    path = capsys.readouterr().out.split("data check  ->", 1)[1].split("\n", 1)[0]
    assert [words.strip() for words in path.split("->")][:3] == ["train", "evaluate", "explain"]
    assert path.endswith("predict, stream or serve  ->  export")


def test_the_help_names_the_defaults_of_the_configuration():
    named = 0
    for argument in CONFIGURATION:
        key = argument.names[0].strip("-").replace("-", "_")
        if "(default " in argument.options["help"]:
            assert argument.options["help"].endswith(f"(default {getattr(Config(), key)})")
            named += 1
    assert named == 4


def test_a_reader_that_goes_away_is_no_traceback():
    process = subprocess.Popen([*COMMAND, "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("streams", "status", "said"),
    [
        ("<&-", 0, ""),
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 2, "attentive: error: a file or the output: cannot be used: No space left on device\n"),
    ],
)
def test_streams_that_are_closed_or_full_are_no_traceback(streams, status, said):
    code = "import sys; from attentive_rnn.cli import main; sys.exit(main(['data', 'list', '--json']))"
    shell = ["sh", "-c", f'"$0" -c "$1" {streams}', sys.executable, code]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, said)


def test_a_file_that_is_opened_later_does_not_become_the_output(tmp_path):
    code = (
        "import os, sys; from attentive_rnn.cli import main; main(['data', 'list', '--json'])\n"
        "file = open(sys.argv[1], 'w'); os.write(1, b'printed'); print(file.fileno() > 2, file=file)"
    )
    subprocess.run(["sh", "-c", '"$0" -c "$1" "$2" >&-', sys.executable, code, tmp_path / "file"], check=True)
    assert (tmp_path / "file").read_text() == "True\n"


def test_what_an_encoding_has_no_character_for_is_escaped(tmp_path):
    (tmp_path / "\u00e9.csv").write_text("id,label,x\n1,\u4e2d,1\n1,\u4e2d,2\n2,b,1\n2,b,2\n")
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    command = [*COMMAND, "data", "check", str(tmp_path / "\u00e9.csv")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "\\u4e2d" in done.stdout
