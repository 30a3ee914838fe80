"""What may be applied for on a dataset, in ODRL."""

from __future__ import annotations

from fastapi.responses import JSONResponse, Response

from api.access import access
from api.deps import ActorDep, ReadDep
from api.gives import gives
from api.late import APIRouter
from auth.policy import odrl, rules
from auth.profile.now import limits_now
from catalog import queries
from catalog.assets import asset
from core.errors import Conflict
from core.text import Text

router = APIRouter(prefix="/api/v1", tags=["standards"])


@router.get("/odrl-shapes", **access("public"), **gives("text/turtle"))
def show_shapes() -> Response:
    """What agreements and offers look like, for programs that check them: SHACL shapes in Turtle."""
    return Response(odrl.shapes(), media_type="text/turtle")


@router.get("/datasets/{dataset_id}/offer", **access("public"), **gives("application/ld+json"))
def show_offer(work: ReadDep, actor: ActorDep, dataset_id: str) -> JSONResponse:
    """The ODRL 2.2 offer (JSON-LD) of a dataset that grants may cover; 409 with every reason where they may not."""
    queries.dataset(work, actor, dataset_id)
    held = asset(work, dataset_id)
    if reasons := tuple(rules.asset_objections(held)):
        text = Text(
            "该数据集不接受授权申请，没有要约。", "No grant may cover this dataset; there is no offer."
        )
        raise Conflict(text, reasons=reasons)
    return JSONResponse(odrl.offer(held, limits_now(work)), media_type="application/ld+json")
