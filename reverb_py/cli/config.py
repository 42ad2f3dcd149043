"""`reverb-py config`: every setting, with what it is for."""

import typer


def config() -> None:
    """Print every setting as an annotated reverb.toml: defaults, units, variables.

    Example: reverb-py config > reverb.toml
    """
    from reverb_py.settings.annotated_toml import annotated_toml

    typer.echo(annotated_toml(), nl=False)
