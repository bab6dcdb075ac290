"""`attentive serve`: a page on this machine that recognises what a webcam or a film shows."""

from __future__ import annotations

import argparse

from ..errors import ConfigError, MissingExtraError
from .stream import add_recognition, make_pipeline


def add(serve: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive serve` its arguments."""
    serve.add_argument("folder", metavar="RUN", help="a run folder, or its model/ folder")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default 127.0.0.1: this machine only)"
    )
    serve.add_argument("--port", type=int, default=8000, help="default 8000")
    serve.add_argument("--largest", type=int, default=200, metavar="MIB", help="of an uploaded film (default 200)")
    add_recognition(serve)
    serve.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..serve.app import make_app
    from ..training import load_model
    from ..training.transfer import find_model

    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError("the page needs uvicorn: pip install 'attentive-rnn[serve]'") from error
    if arguments.largest < 1:
        raise ConfigError(f"--largest must be 1 MiB or more, got {arguments.largest}")
    if not 0 <= arguments.port < 2**16:
        raise ConfigError(f"--port must be from 0 to 65535, got {arguments.port}")
    saved = load_model(find_model(arguments.folder))
    make_pipeline(arguments, saved)  # says now what would be wrong at the first picture
    app = make_app(saved, lambda: make_pipeline(arguments, saved), arguments.largest * 2**20)
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_level="warning", ws_max_size=2**23)
    return 0
