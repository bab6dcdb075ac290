"""The documentation site: the pages of this folder, and a reference of everything public made from the docstrings.

`make docs` builds it into build/docs. It is made by Sphinx and not by MkDocs, since the docstrings are in
reStructuredText, with equations, roles and doctests, which mkdocstrings would show as they are typed.
"""

import importlib.metadata
import re
from typing import Any, Never

from docutils import nodes
from latex2mathml.converter import convert

project = "attentive-rnn"
author = "The attentive-rnn developers"
version = release = importlib.metadata.version(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
suppress_warnings = ["myst.header"]  # tables of benchmarks begin at the third level
html_theme = "furo"
html_title = f"attentive-rnn {version}"
html_show_copyright = False
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["equations.css"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

INHERITED = "extra_repr,set_fit_request,set_score_request"  # of torch and scikit-learn
autodoc_default_options = {"members": True, "exclude-members": INHERITED}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
napoleon_custom_sections = ["Inputs", "Outputs", "Inputs and outputs"]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escaped)
    app.add_html_math_renderer("mathml", (equation, None), (equation, None))


def equation(page: Any, node: nodes.Element) -> Never:
    """An equation as MathML, which browsers draw by themselves; MathJax is a script from a server elsewhere."""
    text, block = node.astext(), isinstance(node, nodes.math_block)
    lines = f"\\begin{{split}}{text}\\end{{split}}" if "&" in text else text
    page.body.append(convert(lines, display="block" if block else "inline"))
    raise nodes.SkipNode


def escaped(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Shapes as (T, *shape) and distances as |x - mean| are no markup; who reads the code needs no backslashes."""
    unescaped = r"(?<=[ (])\*(?=(?:features|schema|shape|state)\b)|\|(?=x - mean)|(?<=x - mean)\|"
    lines[:] = [re.sub(unescaped, r"\\\g<0>", line) for line in lines]
