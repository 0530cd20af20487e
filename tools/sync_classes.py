"""Writes the sync twin of one class, for tools/gen_sync.py."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sync_names import Names, Unfit

Function = ast.FunctionDef | ast.AsyncFunctionDef
ALIAS = "_async"
"""Name under which a generated module imports the module it was generated from."""

_RENAMED = {"__aenter__": "__enter__", "__aexit__": "__exit__", "aclose": "close"}
_BY_HAND = "AsyncFlatNames"
"""The base of the client whose twin is a base of `ClientBase`."""
_INDENT = "    "


@dataclass(frozen=True)
class Source:
    """One class of the core and what is known about those around it.

    Attributes:
        path: Its file, for messages.
        node: The class.
        name: The twin's name.
        wrappers: Async classes whose twin is made from an object of the core.
        twins: All classes that have a twin.
        core_methods: Public async methods of the classes that share their `self` with their twin.
        core_private: Private methods and properties of those classes.
    """

    path: Path
    node: ast.ClassDef
    name: str
    wrappers: Collection[str]
    twins: Collection[str] = ()
    core_methods: Collection[str] = ()
    core_private: Collection[str] = ()


class Writer:
    """Writes a class whose twin forwards to the core; subclasses say how."""

    base = "SyncBase"

    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names

    def write(self) -> str:
        """The text of the twin."""
        node = self.source.node
        lines = [f"class {self.source.name}({', '.join(self.bases())}):"]
        lines += self.documentation(node, _INDENT)
        end = node.lineno
        for statement in node.body:
            if statement.lineno > end + 1:
                lines.append("")
            if not is_docstring(statement, node):
                lines += self.statement(statement)
            end = statement.end_lineno or end
        return "\n".join(lines) + "\n"

    def bases(self) -> list[str]:
        bases = [ast.unparse(self.names.annotation(base, self.source.path)) for base in self.source.node.bases]
        return [self.base, *bases]

    def class_doc(self, text: str) -> str:
        return text

    def statement(self, node: ast.stmt) -> Iterator[str]:
        if isinstance(node, Function):
            yield from self.function(node)
        elif isinstance(node, ast.AnnAssign | ast.Assign | ast.Expr):
            yield from self.variable(node)
        elif not isinstance(node, ast.Pass):
            raise self.unfit(node, f"a {type(node).__name__} in a class body is not understood")

    def variable(self, node: ast.AnnAssign | ast.Assign | ast.Expr) -> Iterator[str]:
        raise NotImplementedError

    def function(self, node: Function) -> Iterator[str]:
        """One method, property or overload."""
        if node.name.startswith("_") and not node.name.startswith("__"):
            return
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if unknown := set(decorators) - {"property", "overload"}:
            raise self.unfit(node, f"{node.name}: decorator {unknown.pop()} is not understood")
        self.check_annotations(node)
        if isinstance(node, ast.AsyncFunctionDef) and any(isinstance(part, ast.Yield) for part in ast.walk(node)):
            raise self.unfit(node, f"{node.name} is an async generator; return a pager instead")
        yield from (f"{_INDENT}@{decorator}" for decorator in decorators)
        assert node.returns is not None
        returns = ast.unparse(self.names.annotation(node.returns, self.source.path))
        parameters = ast.unparse(self.names.arguments(node.args, self.source.path))
        yield f"{_INDENT}def {_RENAMED.get(node.name, node.name)}({parameters}) -> {returns}:"
        if "overload" in decorators:
            yield f"{_INDENT * 2}..."
            return
        yield from self.documentation(node, _INDENT * 2)
        body = self.body(node, is_property="property" in decorators)
        yield from (f"{_INDENT * 2}{line}" for line in body)

    def body(self, node: Function, *, is_property: bool) -> list[str]:
        """The statements of a method."""
        call = self.read(node) if is_property else self.call(node)
        assert node.returns is not None
        wrapper = self.wrapper(node.returns)
        if wrapper is not None:
            return [f"return {wrapper}({call})"]
        return [call if ast.unparse(node.returns) == "None" else f"return {call}"]

    def call(self, node: Function) -> str:
        raise NotImplementedError

    def read(self, node: Function) -> str:
        raise NotImplementedError

    def wrapper(self, returns: ast.expr) -> str | None:
        """The class that the result of the core is wrapped in, if any."""
        outer = returns.value if isinstance(returns, ast.Subscript) else returns
        if isinstance(outer, ast.Name) and outer.id in self.source.wrappers:
            return self.names.twin(outer.id)
        if inner := {part.id for part in ast.walk(returns) if isinstance(part, ast.Name)} & {*self.source.wrappers}:
            raise self.unfit(returns, f"{inner.pop()} inside another type cannot be wrapped")
        return None

    def check_annotations(self, node: Function) -> None:
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
        missing = [argument.arg for argument in [*named[1:], *extra] if argument.annotation is None]
        if node.returns is None:
            missing.append("the result")
        if missing:
            raise self.unfit(node, f"{node.name}: no annotation for {', '.join(missing)}")

    def documentation(self, node: Function | ast.ClassDef, indent: str) -> list[str]:
        first = node.body[0]
        if not is_docstring(first, node):
            return []
        text = ast.get_docstring(node, clean=False) or ""
        if isinstance(node, ast.ClassDef):
            text = self.class_doc(text)
        return [indent + self.quoted(text, first.lineno)]

    def quoted(self, text: str, line: int) -> str:
        """A docstring as it is written."""
        turned = self.names.text(text, self.source.path, line).replace("\\", "\\\\")
        return '"""' + turned.replace('"""', '\\"\\"\\"') + '"""'

    def unfit(self, node: ast.AST, reason: str) -> Unfit:
        return Unfit(self.source.path, node, f"{self.source.node.name}: {reason}")


class Wrapper(Writer):
    """A class that stands in front of one object of the core."""

    base = "Wrapper"

    def class_doc(self, text: str) -> str:
        """Puts what the twin is made from in place of the core's own parameters."""
        return text.partition("\n    Args:")[0].rstrip() + "\n\n    Args:\n        inner: The one of the core.\n    "

    def variable(self, node: ast.AnnAssign | ast.Assign | ast.Expr) -> Iterator[str]:
        names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        if not all(name.startswith("_") for name in names):
            raise self.unfit(node, f"the class variable {', '.join(names)} is not forwarded")
        yield from ()

    def function(self, node: Function) -> Iterator[str]:
        if node.name == "__init__":
            yield from self.constructor(node)
        elif node.name != "__repr__":
            yield from super().function(node)

    def constructor(self, node: Function) -> Iterator[str]:
        arguments = [ast.unparse(base.slice) for base in self.source.node.bases if isinstance(base, ast.Subscript)]
        core = self.source.node.name + (f"[{arguments[0]}]" if arguments else "")
        yield f"{_INDENT}def __init__(self, inner: {core}) -> None:"
        yield f"{_INDENT * 2}self._inner = inner"

    def call(self, node: Function) -> str:
        kind = "_run" if isinstance(node, ast.AsyncFunctionDef) else "_call"
        return f"self.{kind}({', '.join([f'self._inner.{node.name}', *forwarded(node.args)])})"

    def read(self, node: Function) -> str:
        if isinstance(node, ast.AsyncFunctionDef):
            raise self.unfit(node, f"{node.name} is a property to be awaited, which only models may have")
        return f'self._call(getattr, self._inner, "{node.name}")'

    def body(self, node: Function, *, is_property: bool) -> list[str]:
        assert node.returns is not None
        if node.name in ("aclose", "__aexit__"):
            return [self.call(node), "close_current()"]
        if ast.unparse(node.returns) == "Self":
            if node.name != "__aenter__":
                raise self.unfit(node, f"{node.name} would return the object of the core, not its twin")
            return [self.call(node), "return self"]
        return super().body(node, is_property=is_property)


class Part(Wrapper):
    """A class that the client is made of; it has no objects of its own."""

    base = "PartBase"

    def bases(self) -> list[str]:
        return [self.base]

    def class_doc(self, text: str) -> str:
        return text


class Client(Wrapper):
    """The one wrapper that users make themselves; its base finds the operations that both clients know by name."""

    base = "ClientBase"

    def bases(self) -> list[str]:
        bases = [ast.unparse(base) for base in self.source.node.bases]
        for base in bases:
            if base not in self.source.twins and base != _BY_HAND:
                raise self.unfit(self.source.node, f"its base {base} has no sync twin")
        return [self.base, *(self.names.twin(base) for base in bases if base != _BY_HAND)]

    def statement(self, node: ast.stmt) -> Iterator[str]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "not TYPE_CHECKING":
            return iter(())
        return super().statement(node)

    def class_doc(self, text: str) -> str:
        return text

    def constructor(self, node: Function) -> Iterator[str]:
        parameters = ast.unparse(self.names.arguments(node.args, self.source.path))
        yield f"{_INDENT}def __init__({parameters}) -> None:"
        yield from textwrap.indent(
            f"self._inner = {self.source.node.name}({', '.join(forwarded(node.args))})\n"
            "self._inner._flavour = SYNC\n"
            "if not disable_auth_check:\n"
            "    try:\n"
            "        self._run(self._inner._check)\n"
            "    except BaseException:\n"
            "        self.close()\n"
            "        raise",
            _INDENT * 2,
        ).splitlines()


class Model(Writer):
    """A class that shares its data class with its twin: the core's functions run with the twin as `self`."""

    def bases(self) -> list[str]:
        bases = [ast.unparse(base) for base in self.source.node.bases]
        return bases if any(base in self.source.twins for base in bases) else [*bases, self.base]

    def variable(self, node: ast.AnnAssign | ast.Assign | ast.Expr) -> Iterator[str]:
        if isinstance(node, ast.AnnAssign):
            node.annotation = self.names.annotation(node.annotation, self.source.path)
        text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
        yield _INDENT + (self.quoted(text, node.lineno) if isinstance(text, str) else ast.unparse(node))

    def function(self, node: Function) -> Iterator[str]:
        if not node.name.startswith("_") or node.name.startswith("__"):
            self.check_self(node)
        yield from super().function(node)

    def call(self, node: Function) -> str:
        kind = "_run" if isinstance(node, ast.AsyncFunctionDef) else "_call"
        function = f"{ALIAS}.{self.source.node.name}.{node.name}"
        return f"self.{kind}({', '.join([function, 'self', *forwarded(node.args)])})"

    def read(self, node: Function) -> str:
        how = "_get_awaited" if isinstance(node, ast.AsyncFunctionDef) else "_get"
        return f'self.{how}({ALIAS}.{self.source.node.name}, "{node.name}")'

    def check_self(self, node: Function) -> None:
        """The function will run with an object of the twin class: it must use only what both classes have."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "super":
                raise self.unfit(part, f"{node.name} uses super(), which does not know the twin")
            if not (isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self"):
                continue
            if part.attr in self.source.core_methods:
                raise self.unfit(part, f"{node.name} calls self.{part.attr}, which is a blocking call on the twin")
            if part.attr in self.source.core_private:
                raise self.unfit(part, f"{node.name} uses self.{part.attr}, which the twin does not have")


def forwarded(arguments: ast.arguments) -> list[str]:
    """The arguments that pass a method's own parameters on, each as its kind wants it."""
    passed = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args][1:]]
    if arguments.vararg is not None:
        passed.append(f"*{arguments.vararg.arg}")
    passed += [f"{argument.arg}={argument.arg}" for argument in arguments.kwonlyargs]
    if arguments.kwarg is not None:
        passed.append(f"**{arguments.kwarg.arg}")
    return passed


def public_async_methods(node: ast.ClassDef) -> set[str]:
    """Names of the methods of a class that are coroutines."""
    functions = [part for part in node.body if isinstance(part, ast.AsyncFunctionDef)]
    return {part.name for part in functions if not part.name.startswith("_")}


def private_functions(node: ast.ClassDef) -> set[str]:
    """Names of the methods and properties of a class that its twin does not get."""
    functions = [part for part in node.body if isinstance(part, Function)]
    return {part.name for part in functions if part.name.startswith("_") and not part.name.startswith("__")}


def is_docstring(node: ast.stmt, owner: ast.ClassDef | Function) -> bool:
    """Whether a statement is its owner's docstring."""
    return (
        node is owner.body[0]
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
