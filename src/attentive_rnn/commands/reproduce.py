"""`attentive reproduce`: a table of the paper on any data set, beside the paper's figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import CONFIGURATION, SEEDS, TRAINING, Argument, Command, chosen_recipe


def _reproduce(arguments: argparse.Namespace) -> int:
    """Train the table's rows, one run a seed each, and print them beside the paper's."""
    from ..experiments.reproduce import read_table, reproduce
    from ..training import automatic, recipes

    wanted = read_table(arguments.table)
    arguments.recipe = arguments.recipe or wanted.recipe
    recipe, overrides = chosen_recipe(arguments)
    recipe = recipe or automatic.choose_papers(overrides)
    parent = Path(recipes.read_recipe(recipe, overrides).output_dir) / recipes.recipe_name(recipe) / "reproduce"
    made = reproduce(wanted, recipe, overrides, arguments.seeds, parent)
    print(f"{wanted.title}\n\n{made.markdown()}")
    print(f"Written to {parent}: {arguments.table}.md and {arguments.table}.json")
    return 0


REPRODUCE = Command(
    "reproduce",
    "train a table of the paper and print it beside the paper's",
    "attentive reproduce figure2 --recipe basic-motions --training.max_epochs 5",
    _reproduce,
    Argument(
        "table", metavar="TABLE", help="figure2, table1, table1-ntu, table2, table3, table4, table5, table6 or table7"
    ),
    Argument(
        "--recipe",
        metavar="RECIPE",
        help="what the rows change; default: the table's own, or paper/skeleton, or paper/sequence",
    ),
    SEEDS,
    *CONFIGURATION,
    overrides=True,
    loads=TRAINING,
    goes_on=True,
)
