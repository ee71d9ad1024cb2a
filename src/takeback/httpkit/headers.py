"""Headers that every reply carries, refusals included.

A browser that follows them loads nothing from anywhere else, remembers nothing, and tells nobody where it came from.

**Source:** SecureDrop's landing-page rules; OWASP Secure Headers Project.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src blob:; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What our own pages need and nothing more; WebAssembly is for MD5 and Argon2id in the browser."""

_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "publickey-credentials-get",
        "screen-wake-lock",
        "serial",
        "usb",
    )
)

_FIXED = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": _PERMISSIONS,
    "x-dns-prefetch-control": "off",
}

_HASHED_ASSETS = "/assets/"


class SecurityHeaders:
    """Adds the headers to every HTTP reply and takes ``server`` away.

    Args:
        app: what answers.
        content_security_policy: another policy than the default, for a page that needs one.
    """

    def __init__(self, app: ASGIApp, content_security_policy: str = CONTENT_SECURITY_POLICY) -> None:
        self._app = app
        self._content_security_policy = content_security_policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_FIXED)
                headers["content-security-policy"] = self._content_security_policy
                headers["cache-control"] = _cache_control(scope["path"], message["status"])
                del headers["server"]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _cache_control(path: str, status: int) -> str:
    # A name with a content hash in it never means anything else, so it may be kept; everything else leaves no trace.
    is_hashed_asset = _HASHED_ASSETS in path and status in {200, 206, 304}
    return "public, max-age=31536000, immutable" if is_hashed_asset else "no-store"
