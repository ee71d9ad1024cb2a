"""Refusing what another site's page asks for.

A cookie's SameSite does not do that: for it, another port of a host is the same site.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from takeback.errors import NotAllowedError


def refuse_cross_site(request: Request, own_origin: str | None = None) -> None:
    """Let through only what our own page, or no page, asks for.

    Browsers say where a request comes from in ``Sec-Fetch-Site``, over TLS and on this machine; elsewhere ``Origin``
    says it for everything but plain reads.

    Args:
        request: what was asked.
        own_origin: as the browser writes it, where a proxy hides it; else the host the request names.

    Raises:
        NotAllowedError: ``request.cross_site``.
    """
    said = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if said is not None:
        is_ours = said in {"same-origin", "none"}
    elif origin is None:
        is_ours = True
    elif own_origin is not None:
        is_ours = origin == own_origin
    else:
        is_ours = urlsplit(origin).netloc == request.headers.get("host", "")
    if not is_ours:
        raise NotAllowedError("request.cross_site", "Another site's page asked for this.")
