"""``ledgerbridge generate``: write what is made of the models, so that it never says anything else than they do."""

from __future__ import annotations

from json import dumps
from pathlib import Path

from commands.options import new_app

__all__ = ["app", "generated"]

app = new_app()

_CHECKOUT = Path(__file__).resolve().parents[2]


def generated() -> dict[Path, str]:
    """Every file that is made of the models, with what it should hold."""
    from commands.reference import reference_pages
    from hooks.systems import gateway_fields
    from ledgerbridge.mapping.reference import mapping_reference
    from ledgerbridge.schemas import file_models, schema_text
    from pages.console.app import app as console

    schemas, reference = _CHECKOUT / "include" / "schemas", _CHECKOUT / "docs" / "reference"
    return {
        **{schemas / f"{name}.json": schema_text(model) for name, model in file_models(gateway_fields()).items()},
        reference / "mapping-language.md": mapping_reference(reference),
        **{reference / f"{name}.md": content for name, content in reference_pages().items()},
        _CHECKOUT / "console" / "openapi.json": dumps(console.openapi(), indent=1) + "\n",
    }


@app.command()
def generate() -> int:
    """Write the files that are made of the code."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path.relative_to(_CHECKOUT))
    return 0
