"""A person at Xero's consent page, as far as a test needs one."""

from __future__ import annotations

import re
import sys
from html import unescape
from urllib.parse import urljoin

import requests

__all__ = ["decide"]


def decide(url: str, *, allow: bool = True, organisations: tuple[str, ...] = ()) -> str:
    """
    Open the page, choose these organisations (all, if none is named), allow or cancel.

    :returns: the address the browser is sent to.
    """
    page = requests.get(url, timeout=30)
    page.raise_for_status()
    action = unescape(re.findall(r'<form method="post" action="([^"]*)"', page.text)[0])
    offered = re.findall(r'name="organisation" value="([^"]*)" checked> ([^<]*)<', page.text)
    chosen = [tenant for tenant, name in offered if not organisations or unescape(name) in organisations]
    form = {"decision": "allow" if allow else "cancel", "organisation": chosen}
    answer = requests.post(urljoin(url, action), form, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


if __name__ == "__main__":
    requests.get(decide(sys.argv[1]), timeout=30).raise_for_status()
