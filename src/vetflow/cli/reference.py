"""The reference, written from the code: ``python -m vetflow.cli.reference docs/reference``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from vetflow.rest.schema import schema_text
from vetflow.settings import SiteFile

_NOTE = "<!-- Written by `python -m vetflow.cli.reference docs/reference`; change the code, not this page. -->\n"
_HEAD = f"""# Settings

{_NOTE}
A site is one TOML file: `--config`, else `VETFLOW_CONFIG`, else `vetflow.toml` in the home. A key that does not
exist is an error that names the nearest one. `VETFLOW_<SECTION>__<KEY>`, such as `VETFLOW_GATEWAY__PORT=104`, wins
over the file.

| variable | what it sets |
|---|---|
| `VETFLOW_HOME` | Data directory; else `/var/lib/vetflow` for root, `~/.local/share/vetflow` for others. |
| `VETFLOW_CONFIG` | The site's file. |
| `VETFLOW_DATABASE_URL` | libpq URL of the ledger's database; empty uses the embedded PostgreSQL. |
| `VETFLOW_SECRETS` | Directory of secret files, mode 0700; else `secrets` in the home. |
"""


def commands_page() -> str:
    """Return the page of all commands."""
    from vetflow.cli.app import app

    head = [
        "# Commands\n",
        _NOTE,
        "stdout is data, stderr is talk. Exit codes: 0 well, 1 failed, 2 wrong use or configuration, 3 unhealthy.\n",
    ]
    root = typer.main.get_command(app)
    return "\n".join([*head, *_commands(root, "vetflow")]).rstrip() + "\n"


def settings_page() -> str:
    """Return the page of all settings."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _commands(command: object, path: str) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _commands(inner, f"{path} {name}")
    elif isinstance(command, TyperCommand):
        yield f"## `{path}`\n"
        yield f"{command.help}\n"
        yield from filter(None, map(_parameter, command.params))
        yield ""


def _parameter(parameter: object) -> str:
    if isinstance(parameter, TyperArgument):
        return f"- `{(parameter.name or '').upper()}` {parameter.help or ''}".rstrip()
    if isinstance(parameter, TyperOption):
        return f"- `{', '.join(parameter.opts)}` {parameter.help or ''}".rstrip()
    return ""


def _sections() -> Iterator[str]:
    for name, field in SiteFile.model_fields.items():
        models = list(dict.fromkeys(_models(field.annotation)))
        if not models:
            yield f"## `[{name}]`\n"
            yield f"{field.description or ''}\n"
        for model in models:
            yield f"## `{_title(name, field, model)}`\n"
            yield f"{(model.__doc__ or '').strip()}\n"
            yield "| key | default | meaning |"
            yield "|---|---|---|"
            yield from (_row(key, inner) for key, inner in model.model_fields.items())
            yield ""


def _title(name: str, field: FieldInfo, model: type[BaseModel]) -> str:
    many = "tuple" in str(field.annotation)
    kind = model.model_fields.get("kind")
    of_kind = f" kind = {get_args(kind.annotation)[0]}" if kind and many else ""
    return (f"[[{name}]]" if many else f"[{name}]") + of_kind


def _row(key: str, field: FieldInfo) -> str:
    models = list(_models(field.annotation))
    default = "required" if field.is_required() else "" if models else f"`{_plain(field.get_default())}`"
    meaning = " ".join((field.description or "").split())
    inside = f" Each has: {', '.join(f'`{inner}`' for inner in models[0].model_fields)}." if models else ""
    return f"| `{key}` | {default} | {meaning}{inside} |"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_plain(one) for one in cast('tuple[object, ...]', value))}]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def main(folder: Path) -> None:
    """Write the pages and the schema of a result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")
    (folder / "result.schema.json").write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
