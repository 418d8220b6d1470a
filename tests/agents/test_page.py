import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()


def test_the_example_prints_what_the_page_says():
    code, shown = re.search(r"```python\n(.*?)```\n```\n(.*?)```", PAGE, re.DOTALL).groups()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == (shown, "")


def test_every_option_of_the_models_is_on_the_page():
    from dataclasses import fields

    from agentbank.agents.models.endpoint import EndpointOptions
    from agentbank.agents.models.local import LocalOptions
    from agentbank.agents.models.server import VllmOptions

    names = {field.name for shape in (EndpointOptions, LocalOptions, VllmOptions) for field in fields(shape)}
    assert {name for name in names if f"`{name}`" not in PAGE and f"{name}=" not in PAGE} == set()
