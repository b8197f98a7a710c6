"""A storefront: orders, complaints about them, the merchant's answers; what becomes of each, webhooks tell."""

import json
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from caselog_client import AsyncCaselog, Complaint, Goods, Money, Order, Party, verify_webhook
from caselog_client.problems import NotFound, NotGenuine, ProblemError

CASELOG = os.environ.get("CASELOG_URL", "http://127.0.0.1:8080"), os.environ.get("CASELOG_KEY", "dev-storefront")
OUR_URL = os.environ.get("STOREFRONT_URL", "http://127.0.0.1:8090")  # where Caselog reaches us; https in production
MERCHANT = Party(role="merchant", id=os.environ.get("STOREFRONT_MERCHANT", "m-8"))
WEBHOOK_BYTES_MAX = 1_000_000
TABLES = """
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, placed_at TEXT, title TEXT, fen INTEGER, buyer TEXT,
    case_id TEXT, version INTEGER DEFAULT 0, dispute TEXT DEFAULT 'null');
CREATE TABLE IF NOT EXISTS told (event_id TEXT PRIMARY KEY, order_id TEXT, type TEXT);
CREATE TABLE IF NOT EXISTS hook (secret TEXT);
"""


class Placed(BaseModel):
    """An order as it is placed; ``fen``: what was paid."""

    title: str = Field(min_length=1, max_length=200)
    fen: int = Field(ge=100, le=10_000_000)
    buyer: str = Field(min_length=1, max_length=100)


class Reply(BaseModel):
    decision: Literal["agree", "refuse"]
    reason: str = Field(min_length=1, max_length=2000)


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """The order book; the first time Caselog is asked for webhooks, and the secret that signs them is kept in it."""
    app.state.book = book = sqlite3.connect(os.environ.get("STOREFRONT_DB", "storefront.db"))
    book.row_factory = sqlite3.Row
    book.executescript(TABLES)
    async with AsyncCaselog(*CASELOG) as app.state.caselog:
        if book.execute("SELECT secret FROM hook").fetchone() is None:
            made = await app.state.caselog.webhooks.create(f"{OUR_URL}/hooks", merchants=[MERCHANT.id])
            with book:
                book.execute("INSERT INTO hook VALUES (?)", (made.secret,))
        yield
    book.close()


app = FastAPI(title="A storefront", lifespan=opened)


@app.post("/orders", status_code=201)
async def place(order: Placed) -> dict[str, Any]:
    """Place an order. It counts as delivered a day before, so that there is something to complain about."""
    said = (secrets.token_hex(6), datetime.now(UTC).isoformat(), order.title, order.fen, order.buyer)
    with app.state.book as book:
        book.execute("INSERT INTO orders (id, placed_at, title, fen, buyer) VALUES (?, ?, ?, ?, ?)", said)
    return await show(said[0])


@app.get("/orders/{order_id}")
async def show(order_id: str) -> dict[str, Any]:
    """An order and its dispute, as the webhooks have told it: Caselog is not asked."""
    order = found(order_id)
    told = app.state.book.execute("SELECT type FROM told WHERE order_id = ? ORDER BY rowid", (order_id,))
    dispute = json.loads(order["dispute"])
    return {"order_id": order_id, "title": order["title"], "dispute": dispute, "told": [row["type"] for row in told]}


@app.post("/orders/{order_id}/complaint", status_code=201)
async def complain(order_id: str) -> dict[str, str]:
    """The buyer never got it. Pressed twice, or again after a crash, it is one complaint: its key is the order's."""
    case = await app.state.caselog.file(complaint_about(found(order_id)), idempotency_key=f"complaint-{order_id}")
    with app.state.book as book:
        book.execute("UPDATE orders SET case_id = ? WHERE id = ?", (str(case.case_id), order_id))
    return {"case_id": str(case.case_id), "number": case.number, "status": case.status}


@app.post("/orders/{order_id}/reply")
async def reply(order_id: str, said: Reply) -> dict[str, Any]:
    case_id, key = found(order_id)["case_id"], f"reply-{order_id}"
    if case_id is None:
        raise HTTPException(409, "there is no complaint about this order")
    step = await app.state.caselog.post(case_id, "merchant_replied", said.model_dump(), MERCHANT, idempotency_key=key)
    return {"events": [event.type for event in step.events], "status": step.case.status}


@app.post("/hooks", status_code=204)
async def hook(request: Request) -> Response:
    """Is it genuine, what is the case now, is it new. Whatever is not answered 204, Caselog sends again."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > WEBHOOK_BYTES_MAX:
            raise HTTPException(413)
    try:
        signed_with = app.state.book.execute("SELECT secret FROM hook").fetchone()["secret"]
        event = verify_webhook(body, request.headers, signed_with)
        case = None if event.is_test else await app.state.caselog.case(event.subject)
    except NotGenuine as forged:
        raise HTTPException(400, str(forged)) from None
    except NotFound:  # its test clock was deleted, and it with it: nobody asks what becomes of it
        return Response(status_code=204)
    if case is not None:
        until = min((one.due_at.isoformat() for one in case.deadlines), default=None)
        dispute = {"status": case.status, "outcome": case.outcome, "next": case.required_action_by, "until": until}
        with app.state.book as book:  # that it was told is kept with what was told: both or neither
            told, now = (str(event.id), case.external_ref, event.data.type), json.dumps(dispute)
            if book.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", told).rowcount:
                newer = "UPDATE orders SET dispute = ?, version = ? WHERE id = ? AND version < ?"
                book.execute(newer, (now, case.version, case.external_ref, case.version))
    return Response(status_code=204)


@app.exception_handler(ProblemError)
async def refused(_: Request, problem: ProblemError) -> JSONResponse:
    """What Caselog refuses we refuse, with its reason, its rule and every fault."""
    return JSONResponse({"code": problem.code, "detail": str(problem)}, problem.status)


def found(order_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = app.state.book.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    if row is None:
        raise HTTPException(404, "no such order")
    return row


def complaint_about(order: sqlite3.Row) -> Complaint:
    placed, paid = datetime.fromisoformat(order["placed_at"]), Money(amount=order["fen"], currency="CNY")
    goods = Goods(sku="S1", title=order["title"], category="apparel", quantity=1, price=paid)
    as_it_stands = Order(
        order_id=order["id"], status="trade_success", created_at=placed - timedelta(days=8), paid=paid,
        succeeded_at=placed - timedelta(days=1), freight=Money(amount=0, currency="CNY"), goods=(goods,),
    )  # fmt: skip
    return Complaint(
        type="not_received", reason="not_received", marketplace="taobao", order=as_it_stands, external_ref=order["id"],
        complainant=Party(role="buyer", id=order["buyer"]), respondent=MERCHANT, demand="refund", amount=paid,
        description="显示已签收,但我没有收到。",
    )  # fmt: skip
