"""XML from outside, parsed without document types, entities or anything fetched from elsewhere."""

from __future__ import annotations

from lxml import etree


class UnreadableXml(ValueError):
    """The text is no well-formed XML, or declares a document type."""


def parse(text: str | bytes) -> etree._Element:
    """
    The root element.

    Text has been decoded already, so an encoding that its declaration names (.NET writes utf-16) is ignored.

    :raises UnreadableXml: see there.
    """
    parser = etree.XMLParser(
        encoding="utf-8" if isinstance(text, str) else None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        strip_cdata=False,
        huge_tree=True,
    )
    try:
        root = etree.fromstring(text.encode() if isinstance(text, str) else text, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableXml(f"The XML document is not well-formed: {error}") from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # lxml-stubs: every tree has a docinfo
        raise UnreadableXml("The XML document declares a document type.")
    return root
