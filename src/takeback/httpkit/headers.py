"""Headers that every reply carries, refusals included.

A browser that follows them loads nothing from anywhere else, remembers nothing, and tells nobody where it came from.

**Source:** SecureDrop's landing-page rules; OWASP Secure Headers Project.
"""

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html default"
)
"""What our own pages need and nothing more; WebAssembly is for MD5 and Argon2id in the browser. The ``default`` policy
of Trusted Types is the pages' own (web/src/pages/base): scripts and workers from their own assets only."""

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
        "publickey-credentials-create",
        "publickey-credentials-get",
        "screen-wake-lock",
        "serial",
        "usb",
    )
)

_PASSKEYS = _PERMISSIONS.replace("publickey-credentials-create=()", "publickey-credentials-create=(self)").replace(
    "publickey-credentials-get=()", "publickey-credentials-get=(self)"
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
    # Assets too, although their names are hashed: on a shared device a cached file would tell who was here.
    "cache-control": "no-store",
}

_REPLACED = frozenset(name.encode("latin-1") for name in (*_FIXED, "content-security-policy", "server"))
"""ASGI has names in lower case."""

RawHeader = tuple[bytes, bytes]


class SecurityHeaders:
    """Adds the headers to every HTTP reply and takes ``server`` away.

    Args:
        app: what answers.
        content_security_policy: another policy than the default, for a page that needs one.
        passkeys_below: the start of paths whose pages may use passkeys; no other page may.
    """

    def __init__(
        self,
        app: ASGIApp,
        content_security_policy: str = CONTENT_SECURITY_POLICY,
        passkeys_below: str | None = None,
    ) -> None:
        self._app = app
        self._passkeys_below = passkeys_below
        usual = {**_FIXED, "content-security-policy": content_security_policy}
        self._usual = _raw(usual)
        self._with_passkeys = _raw({**usual, "permissions-policy": _PASSKEYS})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = self._of_path(scope["path"])
                others = [pair for pair in message.get("headers", ()) if pair[0] not in _REPLACED]
                message = {**message, "headers": [*others, *ours]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _of_path(self, path: str) -> Sequence[RawHeader]:
        may_use_passkeys = self._passkeys_below is not None and path.startswith(self._passkeys_below)
        return self._with_passkeys if may_use_passkeys else self._usual


def _raw(headers: Mapping[str, str]) -> tuple[RawHeader, ...]:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
