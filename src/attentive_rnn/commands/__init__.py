"""Commands of `attentive`, each a record in its module; cli.py gathers them."""
