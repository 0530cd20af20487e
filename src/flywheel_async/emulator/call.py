"""What a route's code gets: the request, who sent it, and a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.inputs import check_tag
from flywheel_async.emulator.problems import Problem, invalid
from flywheel_async.emulator.query.paging import ListQuery, parse_list_query
from flywheel_async.emulator.wire import BadJson, Doc, Json, dumps, loads

if TYPE_CHECKING:
    from flywheel_async.emulator.exchange import Exchange
    from flywheel_async.emulator.files import FileRow
    from flywheel_async.emulator.nodes import Node
    from flywheel_async.emulator.site import Site
    from flywheel_async.emulator.tickets import Ticket

DELETE_REASONS = (
    "duplicate_data",
    "data_is_not_part_of_study",
    "data_incomplete_or_corrupt",
    "data_structured_incorrectly",
    "data_has_been_exported_or_moved",
    "container_is_empty",
    "analysis_or_processing_failed_or_cancelled",
    "compliance_consent_withdrawn",
    "compliance_phi",
    "compliance_data_policy",
    "test_data",
    "packfile_cleanup",
)
"""Why something may be deleted."""

M = TypeVar("M", bound=BaseModel)


class Call:
    """One authenticated request inside a transaction.

    Attributes:
        site: The site being served.
        tx: The transaction.
        caller: Who asks.
        params: The decoded path parameters.
        headers: The request headers by lower-case name.
        client: The address of the caller.
        ticket: The ticket that came instead of a key, or None.
        target: The container that the route's rule found.
        file: The file that the route's rule found.
        page_cap: Most list items to return whatever the limit says, or None.
    """

    target: Node
    file: FileRow

    def __init__(
        self,
        site: Site,
        tx: Tx,
        caller: Caller,
        exchange: Exchange,
        params: Mapping[str, str],
        body: bytes,
        *,
        ticket: Ticket | None = None,
        page_cap: int | None = None,
    ) -> None:
        self.site = site
        self.tx = tx
        self.caller = caller
        tx.origin = caller.origin
        self.params = params
        self.headers = exchange.headers
        self.client = exchange.client
        self.ticket = ticket
        self.page_cap = page_cap
        self._query: Mapping[str, Sequence[str]] = exchange.query
        self._raw = body
        self._json: Json = None
        self._parsed = False

    def text(self, name: str) -> str | None:
        """Returns a query parameter, or None when it is absent or empty."""
        values = self._query.get(name, ())
        return (values[-1] or None) if values else None

    def has(self, name: str) -> bool:
        """Tells whether a query parameter is there, also when it is empty."""
        return name in self._query

    def flag(self, name: str) -> bool:
        """Returns a boolean query parameter; absent counts as false."""
        return (self.text(name) or "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """Returns a whole, non-negative number from the query, or None when it is absent.

        Raises:
            Problem: 422, it is something else.
        """
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise invalid(f"{name} must be a whole number", "query", name)
        return int(value)

    def delete_reason(self) -> str | None:
        """Returns why something is deleted, or None when the query does not say.

        Raises:
            Problem: 422, it is none of the reasons of the API.
        """
        reason = self.text("delete_reason")
        if reason is not None and reason not in DELETE_REASONS:
            raise invalid(f"delete_reason must be one of {', '.join(DELETE_REASONS)}", "query", "delete_reason")
        return reason

    def list_query(self) -> ListQuery:
        """Returns the list parameters of the query."""
        return parse_list_query(self._query)

    def wants(self, feature: str) -> bool:
        """Tells whether the caller announced a feature in `x-accept-feature`."""
        names = self.headers.get("x-accept-feature", "").lower().split(",")
        return feature in (name.strip() for name in names)

    def json(self) -> Json:
        """Returns the request body.

        Raises:
            Problem: 400, it is missing or not JSON.
        """
        if not self._parsed:
            if not self._raw.strip():
                raise Problem(400, "the request needs a JSON body")
            try:
                self._json = loads(self._raw)
            except BadJson as error:
                raise Problem(400, f"the body is not acceptable JSON: {error}") from None
            self._parsed = True
        return self._json

    def object(self) -> Doc:
        """Returns the request body, which must be an object.

        Raises:
            Problem: 400 not JSON, 422 not an object.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise invalid("the body must be an object", "body")
        return value

    def ids(self) -> list[str]:
        """Returns the request body, which must be an array of texts.

        Raises:
            Problem: 400 not JSON, 422 something else.
        """
        value = self.json()
        if not isinstance(value, list):
            raise invalid("the body must be an array of texts", "body")
        found = [item for item in value if isinstance(item, str)]
        if len(found) != len(value):
            raise invalid("the body must be an array of texts", "body")
        return found

    def tags(self) -> list[str]:
        """Returns the request body, which must be an array of tags.

        Raises:
            Problem: 400 not JSON, 422 something else.
        """
        try:
            return [check_tag(value) for value in self.ids()]
        except ValueError as error:
            raise invalid(str(error), "body") from None

    def input(self, model: type[M]) -> M:
        """Checks the request body against an input model.

        Raises:
            Problem: 400 not JSON, 422 with one detail per bad field.
        """
        return validate(model, self.object())


def validate(model: type[M], value: Doc, *where: str | int) -> M:
    """Checks an object against an input model.

    Args:
        model: The model.
        value: The object.
        where: Where the object was, for the details; the body by default.

    Raises:
        Problem: 422 with one detail per bad field.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        detail: list[Json] = []
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            loc: list[Json] = [*(where or ("body",)), *item["loc"]]
            detail.append({"loc": loc, "msg": item["msg"], "type": item["type"]})
        first = detail[0] if detail else None
        message = dumps(first).decode() if first else "invalid"
        if isinstance(first, dict):
            loc_text = ".".join(str(part) for part in error.errors()[0]["loc"])
            message = f"{loc_text or 'body'}: {first['msg']}"
        raise Problem(422, message, detail=detail) from None
