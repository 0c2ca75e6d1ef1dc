"""The API of bundles, below the console's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Path as InPath

from pages.console.access import AccessDep, FormDep
from pages.console.design import bundle_models as shown
from pages.console.design import bundles

__all__ = ["routes"]

routes = APIRouter(prefix="/design/bundles")
Number = Annotated[int, InPath(ge=1, lt=2**31)]
_ZIP = "application/zip"


@routes.get("")
def list_bundles(access: AccessDep) -> shown.BundlesView:
    """The bundles that were offered here."""
    return bundles.bundles_of(access)


@routes.get("/{number}")
def show_bundle(access: AccessDep, number: Number) -> shown.BundleView:
    """One of them, with what it changes and would have changed."""
    return bundles.shown(access, number)


@routes.post("/packs", response_class=Response, responses={200: {"content": {_ZIP: {}}}})
def pack_bundle(access: FormDep) -> Response:
    """Pack and sign the files here."""
    headers = {"Content-Disposition": 'attachment; filename="bundle.zip"', "Cache-Control": "no-store"}
    return Response(bundles.packed(access), media_type=_ZIP, headers=headers)


@routes.post("")
def offer_bundle(access: FormDep, asked: shown.BundleOffered) -> shown.BundleView:
    """Offer a bundle to this environment."""
    return bundles.shown(access, bundles.offer_bundle(access, asked.content))


@routes.post("/{number}/rollbacks")
def go_back(access: FormDep, number: Number) -> shown.BundleView:
    """Let the files be as they were before a bundle."""
    bundles.go_back(access, number)
    return bundles.shown(access, number)
