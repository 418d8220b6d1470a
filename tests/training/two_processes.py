"""What each of two processes runs: `torchrun --nproc-per-node 2 two_processes.py MODEL ROWS OUT [key=value ...]`."""

import json
import sys
from pathlib import Path

from agentbank.training.config import SFTConfig
from agentbank.training.rows import Masked
from agentbank.training.sft import train


def main() -> None:
    model, rows, out, *flags = sys.argv[1:]
    pairs = (flag.split("=", 1) for flag in flags)
    settings = {key: json.loads(value) for key, value in pairs}
    resume = settings.pop("resume", False)
    data = [Masked(*each) for each in json.loads(Path(rows).read_text())]
    train(SFTConfig(model=model, device="cpu").replace(**settings), data, out, resume=resume)


main()
