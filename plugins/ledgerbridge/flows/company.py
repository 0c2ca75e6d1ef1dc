"""Company files (`include/companies/*.yaml`): whose books, the accounts by role, the connections of each system."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PrivateAttr, create_model, field_validator, model_validator

from ledgerbridge.entities import MAIN, Share
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed, load_file

__all__ = [
    "CloseConfig",
    "Company",
    "Gateway",
    "GatewayFields",
    "Shared",
    "company_file",
    "company_keys",
    "company_model",
    "default_key",
    "gateway_model",
    "load_company",
]

GatewayFields = Mapping[str, Mapping[str, str]]
"""What systems have to be told of a gateway: by system, the key in the company file and what it says."""
_GATEWAYS = "Payment gateways."
_TRACKING = "tracking"
_KEY = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_OLD_FILE = "company.yaml"
"""Beside the folder of companies: where an installation had its one company before there were several."""


class Shared(ConfigModel):
    """How companies share a gateway's account: whose money is whose, and where they owe it to each other."""

    with_: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list,
        alias="with",
        description="Of the company whose bank is paid: keys of the others. What their files list as `only` is theirs;"
        " all else, what names no shop among it, is its own.",
    )
    only: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list,
        description="Of the others: their shops, as charges name them. What these took is theirs, and nothing else.",
    )
    named_in: str = Field("site_url", description="Key of a charge's metadata that names its shop.")
    role: str = Field("intercompany", description="Account role of what the companies owe each other.")

    @model_validator(mode="after")
    def _paid_or_not(self) -> Self:
        if bool(self.with_) is bool(self.only):
            raise ValueError(
                "`shared` takes `with`, of the company that is paid: the keys of the others; or `only`, of the others:"
                " their shops"
            )
        return self


class Gateway(ConfigModel):
    """What holds a customer's money, as the shop names it, and on which account."""

    name: str = Field(description="Its name as a system.")
    role: str = Field("clearing", description="Account role of its clearing account.")
    told_by: Literal["gateway", "shop", "people"] = Field(
        "gateway",
        description="Who tells of its payments: the `gateway` itself, a system of ours; the `shop`, whose word is"
        " enough (gift cards, store credit); `people`, who enter them in a ledger.",
    )
    shared: Shared | None = Field(
        None, description="Where its account is that of several companies; default: it is not."
    )


class CloseConfig(ConfigModel):
    """How the company closes a period."""

    cron: str | None = Field(None, description="When the month before is compared and reported; none: by hand.")
    days: int = Field(
        5,
        ge=0,
        description="So many days after its last one a period is to be signed: what arrives later misses the close, and"
        " with `alerts` of the flow that compares people are told when nobody has signed.",
    )
    signatures: int = Field(1, ge=1, description="How many different people sign a period.")
    signers: dict[str, str] = Field(
        default_factory=dict,
        description="Who may sign: the id of each user in Airflow, with their name. None named: whoever may answer the"
        " required actions of the close's DAG.",
    )

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        if self.signers and len(self.signers) < self.signatures:
            raise ValueError(f"`signatures` asks for {self.signatures} people, and `signers` names {len(self.signers)}")
        return self


class Company(ConfigModel):
    """The pair of organisations a flow keeps in step."""

    name: str = Field(description="For people.")
    key: str = Field(
        MAIN,
        pattern=_KEY,
        description="What everything that is kept of this company bears: the file's name, and need not be written."
        " Choose it before the first run, and leave it: under another one, everything is read and taken anew.",
    )
    base_currency: str = Field(description="ISO code of both ledgers' base currency.")
    time_zone: str = Field(description="Zone whose days the documents bear (accounting-rules.md §4).")
    connections: dict[str, Annotated[list[str], BeforeValidator(listed), OneOrMany()]] = Field(
        description="Airflow connection ids by system."
    )
    without: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list,
        description="Systems that flows read and this company does not have: the legs that read them are not in its"
        " stages. A system that is neither here nor among `connections` is an error.",
    )
    accounts: list[dict[str, str | None]] = Field(
        description="One entry a role: `role`, and under each ledger's name its account (accounting-rules.md §1)."
        " `tracking`: where several accounts of one ledger are one of the other, the option that tells this one there."
    )
    gateways: Sequence[Gateway] = Field(description=_GATEWAYS)
    send_from: date | None = Field(
        None,
        description="First day whose documents the flows send: what is dated earlier people keyed by hand, also when it"
        " changes later. Decide before the first run, and leave it. Default: all.",
    )
    books_from: date | None = Field(
        None,
        description="First day the ledgers must agree on; earlier documents are not compared. Default: `send_from`,"
        " else all.",
    )
    close: CloseConfig = Field(default_factory=CloseConfig, description="How a period is closed, and who signs it.")
    settings: dict[str, str] = Field(default_factory=dict, description="Values that mappings read (table `company`).")
    _shops_of_others: dict[str, frozenset[str]] = PrivateAttr(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f'"{value}" is no time zone; write one like America/New_York') from None
        return value

    @model_validator(mode="after")
    def _has_or_lacks(self) -> Self:
        if both := sorted(set(self.without) & self.connections.keys()):
            raise ValueError(f"`without` names {', '.join(both)}, which has a connection: take one of the two away")
        return self

    @model_validator(mode="after")
    def _compared_once_sent(self) -> Self:
        if self.send_from and self.books_from and self.books_from < self.send_from:
            raise ValueError(
                f"`books_from` {self.books_from} is before `send_from` {self.send_from}: what people keyed before that"
                " day bears other numbers in each ledger; leave `books_from` out, or name that day or a later one"
            )
        return self

    @property
    def compared_from(self) -> date | None:
        """First day the ledgers must agree on; None: every day."""
        return self.books_from or self.send_from

    @property
    def sending_begins(self) -> datetime | None:
        """When the first day whose documents are sent begins in the company's zone; None: there is no first."""
        if self.send_from is None:
            return None
        return datetime.combine(self.send_from, time(), ZoneInfo(self.time_zone)).astimezone(UTC)

    def connections_of(self, system: str) -> list[str]:
        """
        The connections of a system.

        :raises ConfigurationError: it has none.
        """
        if not self.connections.get(system):
            raise ConfigurationError(
                "LB-CFG-004",
                f"the company file names no connection for {system}.",
                remedy=f"Add it: `connections: {{{system}: <Airflow connection id>}}`; or, if there is no {system}, say"
                f" so: `without: [{system}]`.",
            )
        return self.connections[system]

    def share_of(self, gateway: str) -> Share | None:
        """Which part of a gateway's account is this company's; None: it shares it with nobody."""
        shared = next((each.shared for each in self.gateways if each.name == gateway), None)
        if shared is None:
            return None
        shops = self._shops_of_others[gateway] if shared.with_ else frozenset(shared.only)
        return Share(shared.named_in, bool(shared.with_), shops)

    def tables(self) -> dict[str, dict[str, dict[str, Any]]]:
        """
        The lookup tables mappings read of the company.

        ``accounts`` by role, ``accounts_<ledger>`` by that ledger's account, ``accounts_<ledger>_told_apart`` by that
        and what tells it there, if that names one entry alone; ``gateways`` by name and ``gateways_by_role`` by the
        role of their clearing account, ``company`` by setting.
        """
        ledgers = {name for account in self.accounts for name in account if name not in ("role", _TRACKING)}
        settings = {
            "base_currency": self.base_currency,
            "name": self.name,
            "time_zone": self.time_zone,
            **self.settings,
        }
        return {
            "accounts": {str(account["role"]): _account(account) for account in self.accounts},
            **{f"accounts_{ledger}": self._accounts_of(ledger) for ledger in ledgers},
            **{f"accounts_{ledger}_told_apart": self._told_apart(ledger) for ledger in ledgers},
            "gateways": {gateway.name: _row(gateway) for gateway in self.gateways},
            "gateways_by_role": {gateway.role: _row(gateway) for gateway in self.gateways},
            "company": {name: {"value": value} for name, value in settings.items()},
        }

    def _accounts_of(self, ledger: str) -> dict[str, dict[str, Any]]:
        return {str(account[ledger]): _account(account) for account in self.accounts if account.get(ledger)}

    def _told_apart(self, ledger: str) -> dict[str, dict[str, Any]]:
        named = [
            (" ".join(filter(None, (account[ledger], account.get(_TRACKING)))), account)
            for account in self.accounts
            if account.get(ledger)
        ]
        times = Counter(name for name, _ in named)
        return {name: _account(account) for name, account in named if times[name] == 1}


def _account(account: Mapping[str, Any]) -> dict[str, Any]:
    """An account as mappings look it up: they may ask what tells it apart also where no account is told apart."""
    return {_TRACKING: None, **account}


def _row(gateway: Gateway) -> dict[str, Any]:
    """A gateway as mappings look it up; ``intercompany`` is the role of what companies that share it owe each other."""
    shared = gateway.shared
    return gateway.model_dump(exclude={"shared"}) | {"intercompany": None if shared is None else shared.role}


def company_keys(folder: Path) -> list[str]:
    """The keys of the companies whose files lie in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def default_key(folder: Path) -> str | None:
    """The company of whatever names none: the only one, or `main` among several; None: there is no such."""
    known = company_keys(folder)
    return known[0] if len(known) == 1 else MAIN if MAIN in known else None


def company_file(folder: Path, key: str | None = None) -> Path:
    """
    The file of a company.

    :param key: None: the one of ``default_key``.
    :raises ConfigurationError: there is none; names those there are.
    """
    known = company_keys(folder)
    wanted = key or default_key(folder) or MAIN
    if wanted in known:
        return folder / f"{wanted}.yaml"
    old = folder.parent / _OLD_FILE
    if not known and old.exists():
        raise ConfigurationError(
            "LB-CFG-027",
            f"{old} is where companies no longer lie: each has a file in {folder}, named by its key.",
            remedy=f"Move it: `mkdir -p {folder} && mv {old} {folder / MAIN}.yaml`. If it has a `key`, let the file be"
            " named by that: what was kept of the company bears it.",
        )
    there = f"there are: {', '.join(known)}" if known else "there is none"
    raise ConfigurationError(
        "LB-CFG-027",
        f"{folder} has no company {wanted}: {there}.",
        remedy=f"Write {folder / wanted}.yaml, or let the DAG's file name one that is there:"
        ' `build_flow("order_to_cash", company="<key>")`.',
    )


def gateway_model(asked: GatewayFields) -> type[Gateway]:
    """A gateway in the company file, with what the systems that are there ask of it."""
    fields: dict[str, Any] = {
        name: (str | None, Field(None, description=f"{about} Needed where the company has a connection of {system}."))
        for system, abouts in asked.items()
        for name, about in abouts.items()
    }
    return create_model("Gateway", __base__=Gateway, __doc__=Gateway.__doc__, **fields)


def company_model(asked: GatewayFields) -> type[Company]:
    """The company file, with what the systems that are there ask of its gateways."""
    return _company_model(tuple((system, tuple(abouts.items())) for system, abouts in asked.items()))


@lru_cache(maxsize=8)
def _company_model(listed: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> type[Company]:
    asked = {system: dict(abouts) for system, abouts in listed}

    def tells_what_is_asked(company: Company) -> Company:
        for gateway in (each for each in company.gateways if each.told_by == "gateway"):
            for system in company.connections:
                for name in asked.get(system, ()):
                    if not getattr(gateway, name):
                        raise ValueError(f"gateway {gateway.name} has no `{name}`, which {system} asks for: add it")
        return company

    validators: dict[str, Any] = {"tells_what_is_asked": model_validator(mode="after")(tells_what_is_asked)}
    gateways: Any = (list[gateway_model(asked)], Field(description=_GATEWAYS))  # type: ignore[misc]  # made just now
    return create_model(
        "Company",
        __base__=Company,
        __doc__=Company.__doc__,
        __validators__=validators,
        gateways=gateways,
    )


def load_company(path: Path, asked: GatewayFields) -> Company:
    """
    Read a company's file.

    :param asked: what the systems that are there ask of each gateway.
    :raises ConfigurationError: anything wrong with it, with file, line and remedy.
    """
    company = _read(path, asked)
    if not re.fullmatch(_KEY, path.stem):
        raise ConfigurationError(
            "LB-CFG-004",
            f"{path}: a company's file is named by its key, and {path.stem} is none.",
            remedy="Name it in lower case, with digits, - and _, at most 64 characters: harbor_light.yaml.",
        )
    if "key" in company.model_fields_set and company.key != path.stem:
        raise ConfigurationError(
            "LB-CFG-004",
            f'{path}: `key` is "{company.key}", the file is named {path.stem}.',
            remedy=f"Name the file {company.key}.yaml: what was kept of the company bears its key.",
        )
    for gateway in company.gateways:
        if gateway.shared is not None and gateway.shared.with_:
            shops = (
                _shops_of(path.with_name(f"{key}.yaml"), gateway.name, path, asked) for key in gateway.shared.with_
            )
            company._shops_of_others[gateway.name] = frozenset().union(*shops)
    return company.model_copy(update={"key": path.stem})


def _read(path: Path, asked: GatewayFields) -> Company:
    return load_file(path, company_model(asked), code="LB-CFG-004")[0]


def _shops_of(path: Path, gateway: str, asking: Path, asked: GatewayFields) -> frozenset[str]:
    """The shops of another company that share a gateway's account: said in one file, its own."""
    there = _read(path, asked).gateways if path.exists() else ()
    shops = frozenset(shop for each in there if each.name == gateway and each.shared for shop in each.shared.only)
    if not shops:
        raise ConfigurationError(
            "LB-CFG-004",
            f"{asking}: gateway {gateway} is shared with {path.stem}, and {path} does not say which shops are its own.",
            remedy=f"Write `shared: {{only: [<shop>]}}` at gateway {gateway} there, or take {path.stem} away here.",
        )
    return shops
