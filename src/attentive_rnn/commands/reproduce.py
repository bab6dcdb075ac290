"""`attentive reproduce`: a table of the paper on any data set, beside the paper's figures."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(reproduce: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive reproduce` its own arguments."""
    reproduce.add_argument(
        "table", metavar="TABLE", help="figure2, table1, table1-ntu, table2, table3, table4, table5, table6 or table7"
    )
    reproduce.add_argument(
        "--recipe",
        metavar="RECIPE",
        help="what the rows change; default: the table's own, or paper/skeleton, or sequence",
    )
    reproduce.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="default: 0")


def run(table: str, recipe: str, overrides: list[tuple[str, str]], seeds: list[int]) -> int:
    """Train the table's rows, one run a seed each, and print them beside the paper's."""
    from ..experiments.reproduce import read_table, reproduce
    from ..training import recipes

    wanted = read_table(table)
    parent = Path(recipes.read_recipe(recipe, overrides).output_dir) / recipes.recipe_name(recipe) / "reproduce"
    made = reproduce(wanted, recipe, overrides, seeds, parent)
    print(f"{wanted.title}\n\n{made.markdown()}")
    print(f"Written to {parent}: {table}.md and {table}.json")
    return 0
