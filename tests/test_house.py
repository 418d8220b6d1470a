"""The house itself: floors, doors, file sizes, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {"trajectories": 0, "envs": 1, "agents": 2, "training": 2, "harness": 3, "agentbank": 4}
"""envs stands on trajectories (errors and words); agents and training on both; nothing looks up."""


def sources():
    return sorted(path for folder in FLOORS for path in (ROOT / folder).rglob("*.py"))


def imported(path):
    """The house's folders that a file imports from."""
    here = path.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level]
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            yield from (names if not base else [base[0]])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agentbank."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_runs_up_a_floor(path):
    home = path.relative_to(ROOT).parts[0]
    for target in imported(path):
        if target in FLOORS and target != home:
            assert FLOORS[target] < FLOORS[home], f"{path.relative_to(ROOT)} imports {target}"


def test_agents_and_training_do_not_know_each_other_but_by_the_renderer():
    for path in (ROOT / "training").rglob("*.py"):
        assert "agents" not in set(imported(path)), path


def test_every_folders_doors_open():
    from importlib import import_module

    for folder in ("trajectories", "envs", "agents", "harness", "training"):
        module = import_module(f"agentbank.{folder}")
        assert module.__doc__
        names = module.__all__
        assert len(set(names)) == len(names), folder
        for name in names:
            assert getattr(module, name) is not None


def test_the_face_opens_every_door_and_only_when_asked():
    import agentbank

    for name in agentbank.__all__:
        assert getattr(agentbank, name) is not None
    code = "import sys, agentbank; sys.exit(any(name in sys.modules for name in ('gymnasium', 'numpy', 'torch', 'aiohttp')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_worlds_agents_and_harness_load_nothing_heavy():
    code = (
        "import sys, agentbank.envs, agentbank.agents, agentbank.harness;"
        "sys.exit(' '.join(n for n in ('torch', 'transformers', 'scienceworld', 'textworld', 'datasets', 'docker', 'sqlglot', 'pandas') if n in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_stay_readable():
    long = {
        str(path.relative_to(ROOT)): count for path in sources() if (count := len(path.read_text().splitlines())) > 450
    }
    assert not long, f"over 450 lines: {long}"


def test_nothing_is_bundled_from_this_machine():
    for path in sources():
        text = path.read_text()
        assert str(ROOT) + "/" not in text, path
