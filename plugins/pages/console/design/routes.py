"""The API of drafts, below the console's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Path as InPath

from pages.console.access import Access, AccessDep, FormDep
from pages.console.design import acts
from pages.console.design import flow_models as drawn
from pages.console.design import gate_models as gate
from pages.console.design import models as shown
from pages.console.design.beginnings import begin_file
from pages.console.design.drifts import accept, drifts_of
from pages.console.design.files import file_of, files_of, must_edit, must_read
from pages.console.design.flows import flow_edited, flow_view
from pages.console.design.gates import expectations_offered, gate_edited, gate_view
from pages.console.design.mappings import mapping_view, previewed
from pages.console.design.palette import palette
from pages.console.design.passes import passes
from pages.console.design.review_models import ReviewView
from pages.console.design.reviews import review_of, say
from pages.console.design.sides import decide_suggestions, draw_line, language, sides_of
from pages.console.design.tables import table_view

__all__ = ["routes"]

routes = APIRouter(prefix="/design")
Name = Annotated[str, InPath(pattern=r"^\w{1,200}$")]
Number = Annotated[int, InPath(ge=1, le=2**31 - 1)]
Kind = Literal["flows", "mappings", "expectations", "lookups"]
View = shown.MappingView | drawn.FlowView | gate.GateView | shown.TableView
_VIEWS: dict[Kind, Callable[[Access, str], View]] = {
    "flows": flow_view,
    "mappings": mapping_view,
    "expectations": gate_view,
    "lookups": table_view,
}


@routes.get("/files")
def list_files(access: AccessDep) -> list[shown.FileView]:
    """The flows, mappings and gates there are."""
    return files_of(access)


@routes.get("/mappings/{name}")
def show_mapping(access: AccessDep, name: Name) -> shown.MappingView:
    """A mapping as the user's draft has it, or as it is live."""
    file = file_of(access, "mappings", name)
    must_read(access, file)
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


@routes.get("/palette")
def show_palette(access: AccessDep) -> drawn.PaletteView:
    """What a flow can be made of."""
    return palette(access)


@routes.post("/beginnings")
def begin_new(access: FormDep, asked: drawn.FileAsked) -> drawn.Begun:
    """Begin a draft of a file that is not there yet."""
    return drawn.Begun(file=begin_file(access, asked))


@routes.get("/flows/{name}")
def show_flow(access: AccessDep, name: Name) -> drawn.FlowView:
    """A flow as the user's draft has it, or as it is live."""
    file = file_of(access, "flows", name)
    must_read(access, file)
    return flow_view(access, file)


@routes.get("/flows/{name}/passes")
def show_passes(access: AccessDep, name: Name) -> list[drawn.PassView]:
    """What the last pass of each of its legs did."""
    return passes(access, name)


@routes.post("/flows/{name}/previews")
def preview_flow(access: FormDep, name: Name, asked: drawn.EditsTried) -> drawn.FlowView:
    """The same as changes would make it; nothing is kept."""
    file = file_of(access, "flows", name)
    must_edit(access, file)
    return flow_edited(access, file, asked.edits)


@routes.post("/flows/{name}/changes")
def change_flow(access: FormDep, name: Name, asked: drawn.EditsAsked) -> drawn.FlowView:
    """Change several things in the user's draft, all or none; it is begun if there is none."""
    file = file_of(access, "flows", name)
    acts.edit(access, file, asked)
    return flow_view(access, file)


@routes.post("/flows/{name}/texts")
def restore_flow(access: FormDep, name: Name, asked: drawn.TextAsked) -> drawn.FlowView:
    """Let the user's draft have a text that it had before."""
    file = file_of(access, "flows", name)
    acts.restore(access, file, asked)
    return flow_view(access, file)


@routes.get("/menu")
def show_menu(access: AccessDep) -> list[gate.ExpectationOffered]:
    """What a gate can expect."""
    return expectations_offered()


@routes.get("/expectations/{name}")
def show_gate(access: AccessDep, name: Name) -> gate.GateView:
    """A gate as the user's draft has it, or as it is live."""
    file = file_of(access, "expectations", name)
    must_read(access, file)
    return gate_view(access, file)


@routes.post("/expectations/{name}/previews")
def preview_gate(access: FormDep, name: Name, asked: drawn.EditsTried) -> gate.GateView:
    """The same as changes would make it, tried on recent documents; nothing is kept."""
    file = file_of(access, "expectations", name)
    must_edit(access, file)
    return gate_edited(access, file, asked.edits)


@routes.post("/expectations/{name}/changes")
def change_gate(access: FormDep, name: Name, asked: drawn.EditsAsked) -> gate.GateView:
    """Change several things in the user's draft, all or none; it is begun if there is none."""
    file = file_of(access, "expectations", name)
    acts.edit(access, file, asked)
    return gate_view(access, file)


@routes.post("/expectations/{name}/texts")
def restore_gate(access: FormDep, name: Name, asked: drawn.TextAsked) -> gate.GateView:
    """Let the user's draft have a text that it had before."""
    file = file_of(access, "expectations", name)
    acts.restore(access, file, asked)
    return gate_view(access, file)


@routes.get("/lookups/{name}")
def show_table(access: AccessDep, name: Name) -> shown.TableView:
    """A lookup table as the user's draft has it, or as it is live."""
    file = file_of(access, "lookups", name)
    must_read(access, file)
    return table_view(access, file)


@routes.post("/lookups/{name}/texts")
def write_table(access: FormDep, name: Name, asked: drawn.TextAsked) -> shown.TableView:
    """Let the user's draft have this text; it is begun if there is none."""
    file = file_of(access, "lookups", name)
    acts.restore(access, file, asked)
    return table_view(access, file)


@routes.post("/{kind}/{name}/trials")
def try_draft(access: FormDep, kind: Kind, name: Name, asked: shown.TryAsked) -> shown.TryView:
    """The difference the draft would have made over the last days."""
    return acts.try_draft(access, file_of(access, kind, name), asked)


@routes.get("/reviews/{number}")
def show_review(access: AccessDep, number: Number) -> ReviewView:
    """Anybody's draft with what it changes, and what is said of it."""
    return review_of(access, number)


@routes.post("/reviews/{number}/comments")
def say_of(access: FormDep, number: Number, asked: shown.SayAsked) -> ReviewView:
    """Say something of a draft that is under way."""
    say(access, number, asked.text)
    return review_of(access, number)


@routes.get("/{kind}/{name}/clashes")
def show_clashes(access: AccessDep, kind: Kind, name: Name) -> shown.ClashesView:
    """Where the user's draft and the file as it is now changed the same lines."""
    return acts.clashes_of(access, file_of(access, kind, name))


@routes.post("/{kind}/{name}/merges")
def take_in(access: FormDep, kind: Kind, name: Name, asked: shown.MergeAsked) -> View:
    """Put what the file became since into the draft."""
    file = file_of(access, kind, name)
    acts.take_in(access, file, asked)
    return _VIEWS[kind](access, file)


@routes.post("/{kind}/{name}/publications")
def publish(access: FormDep, kind: Kind, name: Name, asked: shown.PublishAsked) -> View:
    """Commit the draft in the user's name."""
    file = file_of(access, kind, name)
    acts.publish_draft(access, file, asked)
    return _VIEWS[kind](access, file)


@routes.post("/{kind}/{name}/rollbacks")
def roll_back(access: FormDep, kind: Kind, name: Name, asked: shown.RollbackAsked) -> View:
    """Begin a draft with the text before a publication."""
    file = file_of(access, kind, name)
    acts.roll_back(access, file, asked.publication)
    return _VIEWS[kind](access, file)


@routes.post("/{kind}/{name}/discards")
def give_up(access: FormDep, kind: Kind, name: Name, asked: shown.VersionSeen) -> View:
    """Give the draft up."""
    file = file_of(access, kind, name)
    acts.give_up(access, file, asked.seen)
    return _VIEWS[kind](access, file)
