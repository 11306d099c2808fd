"""SOAP envelopes of the partner API, read by local name so that any prefix will do."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from isthmus.localorg.exchange import Response

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def elements(values: Mapping[str, str | None]) -> str:
    """Members as elements, null ones marked so."""
    return "".join(
        f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"
        for name, value in values.items()
    )


def answer(inner: str) -> Response:
    """A good answer."""
    text = f'{_HEAD} xmlns="urn:partner.soap.sforce.com"><soapenv:Body>{inner}'
    return _xml(200, text + "</soapenv:Body></soapenv:Envelope>")


def fault(code: str, message: str, kind: str = "UnexpectedErrorFault") -> Response:
    """A refusal."""
    # simple-salesforce looks for the very tag `sf:exceptionCode`.
    detail = (
        f'<sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:{kind}>"
    )
    text = (
        f'{_HEAD} xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f"<detail>{detail}</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return _xml(500, text)


def _xml(status: int, text: str) -> Response:
    return Response(status, body=text.encode(), content_type="text/xml;charset=UTF-8")


def name_of(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
