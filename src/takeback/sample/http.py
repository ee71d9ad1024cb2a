"""The wall's routes."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.datastructures import UploadFile

from takeback.errors import InvalidInputError
from takeback.httpkit.problem import problem_replies
from takeback.sample.service import WallService
from takeback.sample.types import Photo, PhotoState
from takeback.sample.wall import Wall
from takeback.wire.wall_v1 import UploadShape, WallPhotoShape, WallShape

PhotoId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"photo": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


def wall_router(service: WallService, wall: Wall) -> APIRouter:
    """Every route of the wall."""
    router = APIRouter()

    @router.post("/api/photos", status_code=201, openapi_extra=_BODY, responses=problem_replies(408, 413, 422, 503))
    async def post(request: Request) -> UploadShape:
        picture = await _picture_of(request)
        return _upload(await asyncio.to_thread(service.post, picture))

    @router.get("/api/photos")
    async def published() -> WallShape:
        return WallShape(
            photos=[
                WallPhotoShape(
                    id=photo.photo_id, url=f"/photos/{photo.photo_id}.jpg", posted=photo.posted_s, media=photo.kind
                )
                for photo in wall.published()
            ]
        )

    @router.get("/api/photos/{photo_id}", responses=problem_replies(404, 422))
    async def one(photo_id: PhotoId) -> UploadShape:
        return _upload(wall.photo(photo_id))

    @router.get("/photos/{photo_id}.jpg", responses={200: {"content": {"image/jpeg": {}}}, **problem_replies(404, 422)})
    def picture(photo_id: PhotoId) -> Response:
        data = wall.published_bytes(photo_id)
        return Response(data, media_type=wall.photo(photo_id).media_type)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return router


async def _picture_of(request: Request) -> bytes:
    """The picture, from a form or as the whole body. The name and the type the browser gives it are not looked at."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=8) as form:
        for part in form.values():
            if isinstance(part, UploadFile):
                return await part.read()
    raise InvalidInputError("photo.missing", "The form has no picture in it.")


def _upload(photo: Photo) -> UploadShape:
    return UploadShape(id=photo.photo_id, state=photo.state.value, message=_message(photo))


def _message(photo: Photo) -> str:
    match photo.state:
        case PhotoState.PUBLISHED:
            return "Your picture is on the wall."
        case PhotoState.REMOVED:
            return "Your picture was not published, or was taken down, after a review."
        case PhotoState.WAITING if photo.is_checked:
            return "Your picture waits for a review and is not published yet."
        case PhotoState.WAITING:
            return "Pictures cannot be checked at the moment. Yours is not published; it will be checked again."
