"""The ASGI application: routing, faults, authentication, permission rules, answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flywheel_async.emulator import auth, routes
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.exchange import ClientGone, Exchange, Receive, Reply, Scope, Send, Streamed, json_reply
from flywheel_async.emulator.problems import Problem, is_full
from flywheel_async.emulator.routing import Match, Route, Router
from flywheel_async.emulator.site import Site
from flywheel_async.emulator.storage import server as object_store
from flywheel_async.emulator.striking import Striker
from flywheel_async.emulator.tickets import Ticket

logger = logging.getLogger("flywheel_async.emulator")

MAX_JSON_BYTES = 16 * 1024 * 1024
"""Largest JSON body."""


class App:
    """Serves one site.

    Args:
        site: The site.
        max_json_bytes: Largest JSON body that is accepted.
    """

    def __init__(self, site: Site, *, max_json_bytes: int = MAX_JSON_BYTES) -> None:
        self._site = site
        self._max_json = max_json_bytes
        self._routes = routes.collect(with_faults=site.fault_routes)
        self._router = Router(self._routes)

    def routes(self) -> Sequence[Route]:
        """Returns every route that is served, with its operations, method, path and rule."""
        return self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return
        striker = Striker(send)
        try:
            await self._serve(scope, receive, striker)
        except ClientGone:
            return

    async def _serve(self, scope: Scope, receive: Receive, striker: Striker) -> None:
        exchange: Exchange | None = None
        try:
            exchange = Exchange(scope, receive, striker.send)
            path = exchange.raw_path.decode("latin-1").removeprefix("/api")
            stores = exchange.raw_path.startswith(f"{object_store.ROOT}/".encode())
            match = None if stores else self._router.find(exchange.method, exchange.raw_path)
            operations = () if match is None else match.route.operations
            striker.faults = self._site.faults.hit(operations, exchange.method, path)
            refusal = await striker.before(exchange)
            if refusal is not None:
                await exchange.reply(refusal)
            elif match is None:
                await object_store.serve(self._site, exchange)
            else:
                await self._answer(exchange, match, striker)
        except Problem as problem:
            await self._refuse(exchange, striker, problem)
        except ClientGone:
            raise
        except Exception as error:
            # The request itself is not logged: its headers hold the key.
            logger.exception("%s failed", scope["method"])
            failure = Problem(500, "the emulator failed; its log has the reason")
            if is_full(error):
                failure = Problem(507, "the disk that holds the emulator's data is full")
            await self._refuse(exchange, striker, failure)

    async def _refuse(self, exchange: Exchange | None, striker: Striker, problem: Problem) -> None:
        if striker.started:
            # Half an answer cannot be turned into an error: the caller must see that it is incomplete.
            await striker.cut()
            return
        reply = Reply(problem.body(), problem.status, headers=problem.headers)
        if exchange is not None:
            await exchange.reply(reply)
        else:
            await striker.reply(reply)

    async def _answer(self, exchange: Exchange, match: Match, striker: Striker) -> None:
        route = match.route
        # A streamed body is not touched before the rule has been checked.
        body = b"" if route.takes_stream else await exchange.read_body(self._max_json)

        def work(tx: Tx) -> Reply | Streamed:
            call = self._call(tx, exchange, match, body, striker.page_cap)
            route.rule.check(call)
            result = route.handler(call)
            return result if isinstance(result, Reply | Streamed) else json_reply(result)

        # The first contact of a drone makes a device.
        if route.writes or auth.is_drone(exchange.headers):
            reply = await self._site.db.write(work)
        else:
            patterns = route.slow or any("=~" in text for text in exchange.query.get("filter", ()))
            reply = await self._site.db.read(work, patterns=patterns)
        if isinstance(reply, Reply):
            await exchange.reply(reply)
        else:
            await reply.run(exchange)

    def _call(self, tx: Tx, exchange: Exchange, match: Match, body: bytes, page_cap: int | None) -> Call:
        exhaustive = exchange.query.get("exhaustive", [""])[-1].lower() in ("true", "1")
        ticket: Ticket | None = None
        name = exchange.query.get("ticket", [""])[-1]
        if match.route.rule.public:
            caller = auth.NOBODY
        elif match.route.takes_ticket and name:
            ticket = self._site.tickets.redeem(name, exchange.client)
            caller = auth.again(tx, ticket.caller)
        else:
            caller = auth.identify(tx, self._site, exchange.headers, exhaustive=exhaustive)
        return Call(self._site, tx, caller, exchange, match.params, body, ticket=ticket, page_cap=page_cap)
