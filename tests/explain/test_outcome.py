"""Files of explanations: figures in both formats, tables, names without folders."""

from __future__ import annotations

import pytest

from attentive_rnn.draw.charts import new_figure
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain.outcome import Request, draw_training, file_name, save_figure, write_table
from attentive_rnn.training import load_model
from attentive_rnn.training.setup import load_splits


def test_a_figure_is_written_as_png_and_svg_into_a_folder_that_is_made(tmp_path):
    written = save_figure(new_figure(2, 1), tmp_path / "new" / "a.b")
    assert [path.name for path in written] == ["a.b.png", "a.b.svg"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        save_figure(new_figure(2, 1), tmp_path / "file" / "x")


@pytest.mark.parametrize(("item", "name"), [("../x", "x"), ("a/b", "a_b"), ("...", "item"), ("é 1", "é_1")])
def test_the_name_of_an_item_never_leaves_the_folder(item, name):
    assert file_name(item) == name


def test_a_table_quotes_what_would_break_it(tmp_path):
    path = write_table(["name", "n"], [["a,b", 1], ['"c"', None]], tmp_path / "t.csv")
    assert path.read_text() == 'name,n\n"a,b",1\n"""c""",\n'


def test_a_name_in_a_table_is_no_formula_of_a_spreadsheet(tmp_path):
    path = write_table(["name", "n"], [["=1+1", -1], ["@a", 2], ["-1", 3], ["-x", 4]], tmp_path / "t.csv")
    assert path.read_text() == "name,n\n'=1+1,-1\n'@a,2\n-1,3\n'-x,4\n"


def test_the_losses_of_a_run_are_drawn(feature_run, tmp_path):
    saved, splits = load_model(feature_run.model), load_splits(feature_run.read_config())
    request = Request(feature_run, saved, splits.train, splits.test, tmp_path / "new", one=False, of_run=True)
    (path,) = draw_training(request)
    assert path == tmp_path / "new" / "training.png"
    assert path.read_bytes().startswith(b"\x89PNG")
