"""
What vendors publish of their systems and a client and a simulator are held against.

Not ours to hand on, so that it lies beside the checkout or nowhere: what needs it is skipped then, and says what it is
and where it comes from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = [
    "GP_NODES",
    "GP_TABLES",
    "GP_WEB_SERVICES",
    "SHOPIFY_SCHEMA",
    "STRIPE_API",
    "STRIPE_SAMPLES",
    "XERO_API",
    "Reference",
]

FOLDER = "LEDGERBRIDGE_REFERENCE"
"""The environment variable that says where the files lie; by default in ../shared beside the checkout."""


@dataclass(frozen=True)
class Reference:
    """
    One file of a vendor's.

    :param what: what it is.
    :param source: where anybody gets what it is made of.
    """

    file: str
    what: str
    source: str

    @property
    def path(self) -> Path:
        """Where it lies, if it is here."""
        folder = os.environ.get(FOLDER)
        return (Path(folder) if folder else Path(__file__).parents[2] / "shared") / self.file

    @property
    def missing(self) -> bool:
        """Whether it is not on this machine."""
        return not self.path.exists()

    @property
    def reason(self) -> str:
        """Why a test is skipped without it."""
        return (
            f"needs {self.what}, which may not lie in this repository: {self.source};"
            f" expected as {self.file} in ../shared or in the folder {FOLDER} names"
        )

    @property
    def needed(self) -> pytest.MarkDecorator:
        """The mark of a test that can't do without it."""
        return pytest.mark.skipif(self.missing, reason=self.reason)

    def skip(self) -> NoReturn:
        """End a test that can't do without it."""
        pytest.skip(self.reason)

    def text(self) -> str:
        """Its content; ends the test where it is missing."""
        return self.path.read_text() if not self.missing else self.skip()


GP_NODES = Reference(
    "gp/econnect-nodes.json",
    "the nodes of Microsoft's eConnect schema",
    "made of eConnect.xsd, github.com/scottmckenzie/eConnect.Serialization",
)
GP_TABLES = Reference(
    "gp/tables.json",
    "the tables of a GP company",
    "made of the schema of one live GP company, published on GitHub",
)
GP_WEB_SERVICES = Reference(
    "gp/ws-legacy-types.json",
    "the types of Microsoft's GP Web Services",
    "made of DynamicsGP.wsdl, github.com/MerProjects/NSDMS-Eclipse",
)
SHOPIFY_SCHEMA = Reference(
    "shops/shopify-admin-subset.graphql",
    "the schema of Shopify's Admin API 2026-10",
    "made of dist/data/admin_2026-10.json.gz in the npm package @shopify/dev-mcp 1.16.0",
)
STRIPE_API = Reference(
    "shops/stripe-openapi-subset.yaml",
    "a description of Stripe's API 2026-10-28.endive",
    "made of the PyPI package stripe 16.1.0",
)
STRIPE_SAMPLES = Reference(
    "shops/stripe-fixtures-subset.json",
    "Stripe's own sample objects",
    "cut from openapi/fixtures3.json, github.com/stripe/openapi",
)
XERO_API = Reference(
    "xero/xero_accounting.yaml",
    "Xero's OpenAPI description 16.1.0",
    "github.com/XeroAPI/Xero-OpenAPI",
)
