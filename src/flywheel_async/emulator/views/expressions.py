"""Column expressions: `x` stands for the value, with + - * / and parentheses."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

Calculation = Callable[[float], float]

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: lambda x: x, ast.USub: lambda x: -x}


def compile_expr(text: str) -> Calculation:
    """Reads an expression.

    Args:
        text: The expression, such as `x / 86400`.

    Returns:
        A function of `x`. It raises ArithmeticError where the expression has no finite value.

    Raises:
        ValueError: It is not an expression of this kind.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
        inner = _build(tree.body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("not an expression") from None

    def calculate(x: float) -> float:
        result = inner(x)
        if not math.isfinite(result):
            raise ArithmeticError("no finite value")
        return result

    return calculate


def _build(node: ast.expr) -> Calculation:
    if isinstance(node, ast.Name) and node.id == "x":
        return lambda x: x
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        number = node.value
        return lambda x: number
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        combine, left, right = _BINARY[type(node.op)], _build(node.left), _build(node.right)
        return lambda x: combine(left(x), right(x))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        turn, operand = _UNARY[type(node.op)], _build(node.operand)
        return lambda x: turn(operand(x))
    raise ValueError("only x, numbers, + - * / and parentheses are possible")
