"""Writes the sync twin of one module, for tools/gen_sync.py: its classes, the aliases they need, the imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sync_classes import ALIAS, Client, Model, Part, Source, Wrapper, Writer, private_functions, public_async_methods
from sync_names import Names, Twin

RUNTIME = "flywheel_async.sync"
_KINDS: dict[str, Callable[[Source, Names], Writer]] = {
    "client": Client,
    "part": Part,
    "wrapper": Wrapper,
    "model": Model,
}
# What generated code uses besides the names of its source.
_OWN = {
    "SyncBase": f"{RUNTIME}._base",
    "Wrapper": f"{RUNTIME}._base",
    "ClientBase": f"{RUNTIME}._base",
    "PartBase": f"{RUNTIME}._base",
    "SYNC": f"{RUNTIME}._flavour",
    "close_current": f"{RUNTIME}._runner",
}


@dataclass(frozen=True)
class Module:
    """One module to generate.

    Attributes:
        name: Dotted name of the source.
        path: File of the source.
        target: Dotted name of the twin.
        kind: What its classes are: client, part of the client, wrapper, model; or package, whose text is taken over as
            it is.
        classes: Class of the source → class of the twin.
    """

    name: str
    path: Path
    target: str
    kind: str
    classes: Mapping[str, str]

    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(), str(self.path))


@dataclass
class Imports:
    """Names by the module they come from, those needed at run time and those only type checkers need."""

    runtime: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    typing: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def write(self, aliases: list[str]) -> Iterator[str]:
        """The statements, with type aliases below the imports they need."""
        yield from _import_lines(self.runtime)
        typing = [*_import_lines(self.typing - self.runtime), "", *aliases]
        if any(typing):
            yield "from typing import TYPE_CHECKING"
            yield "if TYPE_CHECKING:"
            yield from (f"    {line}" for line in typing)


class Plan:
    """All modules to generate, and the names that connect them."""

    def __init__(self, modules: list[Module], names: Names) -> None:
        self.modules = modules
        self.names = names
        self.trees = {module.name: module.tree() for module in modules}
        self.targets = {module.name: module.target for module in modules}
        # Those made by hand stand in private modules of the runtime.
        made = {name for name, twin in names.twins.items() if twin.module.startswith(f"{RUNTIME}._")}
        self.wrappers = made | {name for module in modules if module.kind == "wrapper" for name in module.classes}
        self.twins = {name for module in modules for name in module.classes}
        shared = [node for module in modules if module.kind == "model" for node in self.classes(module)]
        self.core_methods = set[str]().union(*map(public_async_methods, shared))
        self.core_private = set[str]().union(*map(private_functions, shared))

    def classes(self, module: Module) -> list[ast.ClassDef]:
        nodes = [node for node in self.trees[module.name].body if isinstance(node, ast.ClassDef)]
        return [node for node in nodes if node.name in module.classes]

    def write(self, module: Module) -> str:
        """The unformatted text of a twin, without its header."""
        if module.kind == "package":
            return self._package(module)
        tree = self.trees[module.name]
        texts = [self._class(module, node) for node in self.classes(module)]
        body = ast.parse("\n\n".join(texts))
        aliases = self._aliases(tree, body)
        imports = self._imports(module, body, aliases)
        parts = [self._doc(module, tree), "from __future__ import annotations"]
        parts += imports.write([ast.unparse(alias) for alias in aliases])
        if any(isinstance(node, ast.Name) and node.id == ALIAS for node in ast.walk(body)):
            package, _, name = module.name.rpartition(".")
            parts.insert(2, f"from {package} import {name} as {ALIAS}")
        return "\n".join([*parts, *texts])

    def _class(self, module: Module, node: ast.ClassDef) -> str:
        source = Source(
            module.path,
            node,
            module.classes[node.name],
            self.wrappers,
            self.twins,
            self.core_methods,
            self.core_private,
        )
        return _KINDS[module.kind](source, self.names).write()

    def _doc(self, module: Module, tree: ast.Module) -> str:
        text = ast.get_docstring(tree, clean=False) or ""
        return f'"""{self.names.text(text, module.path, 1)}"""'

    def _package(self, module: Module) -> str:
        """An `__init__` that gathers twins: the same text with their modules in place of the source's."""
        tree = module.tree()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                node.module = self.targets.get(node.module, node.module)
        return "\n".join([self._doc(module, tree), *(ast.unparse(node) for node in tree.body[1:])])

    def _aliases(self, tree: ast.Module, body: ast.Module) -> list[ast.Assign]:
        """Type aliases of the source that name something with a twin and so must be defined anew, in order."""
        needed = _names(body)
        found: list[ast.Assign] = []
        for node in reversed(list(_top_level(tree))):
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            if node.targets[0].id in needed and self._depends(tree, node.value):
                found.insert(0, node)
                needed |= _names(node)
        return found

    def _depends(self, tree: ast.Module, value: ast.expr) -> bool:
        aliases = {
            node.targets[0].id: node.value
            for node in _top_level(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        names = _names(value)
        return bool(names & self.twins) or any(self._depends(tree, aliases[name]) for name in names & {*aliases})

    def _imports(self, module: Module, body: ast.Module, aliases: list[ast.Assign]) -> Imports:
        tree = self.trees[module.name]
        known = dict(_imported(tree))
        mapped = {twin.name: twin for twin in self.names.twins.values()}
        own = {*module.classes.values()} | {
            alias.targets[0].id for alias in aliases if isinstance(alias.targets[0], ast.Name)
        }
        here = {name for node in _top_level(tree) for name in _defined(node)}
        runtime = _runtime_names(body, fields=module.kind == "model")
        needed = _names(body) | {name for alias in aliases for name in _names(alias)}
        imports = Imports()
        for name in sorted(needed - own):
            where, only_typing = known.get(name, (None, False))
            if name in _OWN:
                where = (_OWN[name], name)
            elif name in mapped and name not in known:
                where, only_typing = (mapped[name].module, name), True
            elif where is None and name in here:
                where = (module.name, name)
            if where is None or name == "TYPE_CHECKING":
                continue
            source, original = where
            if original in self.twins and name not in module.classes and source in self.targets and not _is_async(name):
                source = self.targets[source]
            if only_typing and name not in runtime:
                imports.typing.add((source, original))
            else:
                imports.runtime.add((source, original))
        return imports


def names_of(modules: list[Module]) -> dict[str, Twin]:
    """The twins that the plan itself makes: async classes whose twin has another name."""
    return {
        name: Twin(module.target, twin) for module in modules for name, twin in module.classes.items() if name != twin
    }


def _is_async(name: str) -> bool:
    return name.startswith("Async")


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module and of its `if TYPE_CHECKING:` blocks."""
    for node in tree.body:
        yield node
        if isinstance(node, ast.If):
            yield from node.body


def _imported(tree: ast.Module) -> Iterator[tuple[str, tuple[tuple[str, str], bool]]]:
    """Name → where it comes from and whether only type checkers import it. The name is "" for whole modules."""
    for node in tree.body:
        inside = node.body if isinstance(node, ast.If) else [node]
        for part in inside:
            if isinstance(part, ast.ImportFrom) and part.module is not None and part.module != "__future__":
                for alias in part.names:
                    yield alias.asname or alias.name, ((part.module, alias.name), part is not node)
            elif isinstance(part, ast.Import):
                for alias in part.names:
                    yield alias.name, (("", alias.name), part is not node)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _runtime_names(body: ast.Module, *, fields: bool) -> set[str]:
    """Names that are looked up when the module runs: all but those in annotations."""
    annotations: list[ast.expr | None] = []
    for node in ast.walk(body):
        if isinstance(node, ast.FunctionDef):
            annotations.append(node.returns)
        elif isinstance(node, ast.arg) or (isinstance(node, ast.AnnAssign) and not fields):
            annotations.append(node.annotation)
    hidden = {id(part) for annotation in annotations if annotation for part in ast.walk(annotation)}
    return {part.id for part in ast.walk(body) if isinstance(part, ast.Name) and id(part) not in hidden}


def _import_lines(imports: set[tuple[str, str]]) -> Iterator[str]:
    for module, name in sorted(imports):
        yield f"from {module} import {name}" if module else f"import {name}"
