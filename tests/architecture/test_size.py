import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/vetflow"
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
EXCUSED = {
    # One Protocol after another, mostly docstrings: apart they would no longer read as one contract.
    "ports.py": 400,
    # One schema: its tables point at each other.
    "adapters/ledger/tables.py": 320,
}


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), path.read_text(encoding="utf-8")


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Yield each function's name and its lines without the docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = node.body[0] if ast.get_docstring(node) else None
            docstring = said.end_lineno - said.lineno + 1 if said else 0
            yield node.name, node.end_lineno - node.lineno + 1 - docstring


def test_a_module_can_be_read_in_one_go() -> None:
    lines = {name: len(text.splitlines()) for name, text in modules()}

    assert {name: n for name, n in lines.items() if n > EXCUSED.get(name, LONGEST_MODULE)} == {}


def test_no_function_fills_more_than_a_screen() -> None:
    long = {
        f"{module}:{name}": lines
        for module, text in modules()
        for name, lines in functions(text)
        if lines > LONGEST_FUNCTION
    }

    assert long == {}


def test_half_of_all_functions_are_short() -> None:
    lines = sorted(n for _, text in modules() for _, n in functions(text))

    assert lines[len(lines) // 2] <= 9
