"""The floor: FastAPI endpoints that read five rows through asyncpg, and no more; one takes a body and inserts a row."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

TABLE = """
CREATE TABLE floor (stream uuid, version integer, payload text, PRIMARY KEY (stream, version))
"""
FILL = """
INSERT INTO floor SELECT stream, version, repeat('x', 500)
FROM unnest($1::uuid[]) AS stream, generate_series(1, 5) version
"""
SELECT = "SELECT version, payload FROM floor WHERE stream = $1 ORDER BY version"
INSERT = "INSERT INTO floor VALUES ($1, $2, $3)"


class Actor(BaseModel):
    role: str
    id: str


class Step(BaseModel):
    type: str
    actor: Actor
    data: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["FLOOR_URL"], min_size=1, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/cases/{stream}/events", status_code=201)
async def step(stream: UUID, body: Step) -> dict[str, Any]:
    async with app.state.pool.acquire() as connection:
        rows = await connection.fetch(SELECT, stream)
        version = len(rows) + 1
        await connection.execute(INSERT, stream, version, body.model_dump_json())
    return {"stream": stream, "version": version}


@app.get("/v1/cases/{stream}")
async def read(stream: UUID) -> list[dict[str, Any]]:
    async with app.state.pool.acquire() as connection:
        return [dict(row) for row in await connection.fetch(SELECT, stream)]
