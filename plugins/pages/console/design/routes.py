"""The API of drafts, below the console's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath

from pages.console.access import AccessDep, FormDep
from pages.console.design import acts
from pages.console.design import models as shown
from pages.console.design.drifts import accept, drifts_of
from pages.console.design.files import file_of, files_of, must_edit, must_read
from pages.console.design.mappings import mapping_view, previewed
from pages.console.design.sides import begin_mapping, decide_suggestions, draw_line, language, sides_of

__all__ = ["routes"]

routes = APIRouter(prefix="/design")
Name = Annotated[str, InPath(pattern=r"^\w{1,200}$")]


@routes.get("/files")
def list_files(access: AccessDep) -> list[shown.FileView]:
    """The flows and mappings there are."""
    return files_of(access)


@routes.get("/mappings/{name}")
def show_mapping(access: AccessDep, name: Name) -> shown.MappingView:
    """A mapping as the user's draft has it, or as it is live."""
    file = file_of(access, "mappings", name)
    must_read(access, file)
    return mapping_view(access, file)


@routes.post("/mappings")
def begin(access: FormDep, asked: shown.BeginAsked) -> shown.MappingView:
    """Begin a mapping that is not there yet, as a draft of the user's."""
    file = begin_mapping(access, asked)
    return mapping_view(access, file)


@routes.get("/language")
def tell_language() -> shown.LanguageView:
    """What rules may say."""
    return language()


@routes.get("/mappings/{name}/sides")
def show_sides(access: AccessDep, name: Name) -> shown.SidesView:
    """The fields of both sides of a mapping, and suggestions for those of the target that have no rule."""
    file = file_of(access, "mappings", name)
    must_read(access, file)
    return sides_of(access, file)


@routes.get("/mappings/{name}/drifts")
def show_drifts(access: AccessDep, name: Name) -> shown.DriftsView:
    """What became of the form of both sides since it was accepted."""
    file = file_of(access, "mappings", name)
    must_read(access, file)
    return drifts_of(file)


@routes.post("/mappings/{name}/acceptances")
def accept_form(access: FormDep, name: Name) -> shown.DriftsView:
    """Say that the mapping fits records as they are now."""
    file = file_of(access, "mappings", name)
    accept(access, file)
    return drifts_of(file)


@routes.post("/mappings/{name}/lines")
def draw(access: FormDep, name: Name, asked: shown.LineAsked) -> shown.MappingView:
    """Let a source field go into a target field, in the user's draft."""
    file = file_of(access, "mappings", name)
    draw_line(access, file, asked)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/decisions")
def decide(access: FormDep, name: Name, asked: shown.DecisionsAsked) -> shown.MappingView:
    """Take suggestions into the user's draft, refuse others, and remember both for further suggestions."""
    file = file_of(access, "mappings", name)
    decide_suggestions(access, file, asked)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/previews")
def preview(access: FormDep, name: Name, asked: shown.PreviewAsked) -> shown.MappingView:
    """The same with one rule as it is being written; nothing is kept."""
    file = file_of(access, "mappings", name)
    must_edit(access, file)
    return previewed(access, file, asked.location, asked.written)


@routes.post("/mappings/{name}/changes")
def change(access: FormDep, name: Name, asked: shown.ChangeAsked) -> shown.MappingView:
    """Write one thing anew in the user's draft, or take it away; it is begun if there is none."""
    file = file_of(access, "mappings", name)
    acts.change(access, file, asked)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/trials")
def try_draft(access: FormDep, name: Name, asked: shown.TryAsked) -> shown.TryView:
    """The difference the draft would have made over the last days."""
    return acts.try_draft(access, file_of(access, "mappings", name), asked)


@routes.post("/mappings/{name}/merges")
def take_in(access: FormDep, name: Name, asked: shown.VersionSeen) -> shown.MappingView:
    """Put what the file became since into the draft."""
    file = file_of(access, "mappings", name)
    acts.take_in(access, file, asked.seen)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/publications")
def publish(access: FormDep, name: Name, asked: shown.PublishAsked) -> shown.MappingView:
    """Commit the draft in the user's name."""
    file = file_of(access, "mappings", name)
    acts.publish_draft(access, file, asked)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/rollbacks")
def roll_back(access: FormDep, name: Name, asked: shown.RollbackAsked) -> shown.MappingView:
    """Begin a draft with the text before a publication."""
    file = file_of(access, "mappings", name)
    acts.roll_back(access, file, asked.publication)
    return mapping_view(access, file)


@routes.post("/mappings/{name}/discards")
def give_up(access: FormDep, name: Name, asked: shown.VersionSeen) -> shown.MappingView:
    """Give the draft up."""
    file = file_of(access, "mappings", name)
    acts.give_up(access, file, asked.seen)
    return mapping_view(access, file)
