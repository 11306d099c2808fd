"""`isthmus init`: a project to start from."""

from __future__ import annotations

from pathlib import Path

import click

from isthmus.errors import ConfigError

__all__ = ["init"]


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write an isthmus.toml and a view into FOLDER (else here). Nothing is overwritten."""
    from isthmus.catalog.template import template_files

    files = {folder / name: text for name, text in template_files().items()}
    for path in files:
        if path.exists():
            raise ConfigError(
                f"{path} is there already", remedy="Choose another folder, or remove it."
            )
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            click.echo(f"wrote {path}")
    except OSError as error:
        raise ConfigError(f"{folder} can't be written: {error.strerror}") from error
    click.echo("next: edit isthmus.toml, then isthmus check")
