"""Names and texts of the async side as the sync side has them, for tools/gen_sync.py."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_ASYNC = re.compile(r"\bawait\b|\basync |Async|\b__a(?:enter|exit)__")

UNWRAP = "(its argument)"
"""As the name of a twin: `Awaitable[X]` becomes `X`."""


class Unfit(Exception):
    """A source that cannot be turned into a sync module; says where and why."""

    def __init__(self, path: Path, node: ast.AST | int, reason: str) -> None:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        super().__init__(f"{path}:{line}: {reason}")


@dataclass(frozen=True)
class Twin:
    """Where a sync name comes from."""

    module: str
    name: str


@dataclass(frozen=True)
class Rules:
    """How async names and words become sync ones.

    Attributes:
        twins: Async name → its sync twin; `UNWRAP` as name leaves only the argument of a generic.
        words: Regular expression → replacement, for docstrings, in order.
        kept: Dotted names that stay although they name something async.
        shared: Name → module of what the facade offers besides what is generated.
    """

    twins: Mapping[str, Twin]
    words: Mapping[str, str]
    kept: Collection[str] = ()
    shared: Mapping[str, str] = field(default_factory=dict[str, str])


class Names:
    """Turns annotations and texts; remembers which rules were of use."""

    def __init__(self, rules: Rules) -> None:
        self.twins = rules.twins
        self.words = rules.words
        self.kept = rules.kept
        self._used: set[str] = set()

    def annotation(self, node: ast.expr, path: Path) -> ast.expr:
        """The annotation in sync terms.

        Raises:
            Unfit: It names something async that has no sync twin.
        """
        turned = _Turn(self, path).visit(copy.deepcopy(node))
        assert isinstance(turned, ast.expr)
        return turned

    def arguments(self, node: ast.arguments, path: Path) -> ast.arguments:
        """A parameter list in sync terms."""
        turned = copy.deepcopy(node)
        for parameter in ast.walk(turned):
            if isinstance(parameter, ast.arg) and parameter.annotation is not None:
                parameter.annotation = self.annotation(parameter.annotation, path)
        return turned

    def twin(self, name: str) -> str:
        """The sync name of a mapped name."""
        self._used.add(name)
        return self.twins[name].name

    def text(self, text: str, path: Path, line: int) -> str:
        """A docstring in sync terms.

        Args:
            text: The docstring.
            path: Its file, for messages.
            line: Its first line there.

        Raises:
            Unfit: It speaks of something async that no rule knows.
        """
        turned: list[str] = []
        for number, part in enumerate(text.split("\n"), start=line):
            for pattern, replacement in self.words.items():
                part, count = re.subn(pattern, replacement, part)
                if count:
                    self._used.add(pattern)
            for name in re.findall(r"\bAsync\w+", part):
                if name in self.twins:
                    part = re.sub(rf"\b{name}\b", self.twin(name), part)
            if found := _ASYNC.search(part):
                raise Unfit(path, number, f"{found.group().strip()!r} is left in the text: {part.strip()!r}")
            turned.append(part)
        return "\n".join(turned)

    def unused(self) -> list[str]:
        """Rules that nothing asked for."""
        return [rule for rule in (*self.twins, *self.words) if rule not in self._used]

    def leftovers(self, tree: ast.Module, cores: Collection[str], path: Path) -> None:
        """Looks for what should not be in a generated module.

        Args:
            tree: The generated module.
            cores: Classes of the core that it may name.
            path: The file it is for.

        Raises:
            Unfit: Something async is left.
        """
        allowed = {*cores, *self.kept}
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
                raise Unfit(path, node, "async code is left in the generated text")
            said = _said(node)
            if said not in allowed and (found := _ASYNC.search(said)):
                raise Unfit(path, node, f"{found.group()!r} is left in the generated text")


def _said(node: ast.AST) -> str:
    """The name or text of a node that says one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return ast.unparse(node)
    if isinstance(node, ast.alias):
        return node.name
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


class _Turn(ast.NodeTransformer):
    """Replaces names in one annotation."""

    def __init__(self, names: Names, path: Path) -> None:
        self._names = names
        self._path = path

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._names.twins:
            return ast.copy_location(ast.Name(self._names.twin(node.id)), node)
        if "Async" in node.id or node.id in ("Awaitable", "Coroutine"):
            raise Unfit(self._path, node, f"{node.id} has no sync twin")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        dotted = ast.unparse(node)
        if "Async" in node.attr and dotted not in self._names.kept:
            raise Unfit(self._path, node, f"{dotted} has no sync twin")
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name):
            if node.value.id == "Literal":
                return node
            twin = self._names.twins.get(node.value.id)
            if twin is not None and twin.name == UNWRAP:
                self._names.twin(node.value.id)
                argument: ast.AST = self.visit(node.slice)
                return argument
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            raise Unfit(self._path, node, f"write the annotation {node.value!r} without quotes")
        return node
