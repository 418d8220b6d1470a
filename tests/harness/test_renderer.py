"""What a model in this process read in a rollout is what training renders of the episode: the same ids, the same digest."""

import pytest
import tiny

from agentbank.harness import evaluate
from agentbank.trajectories import chat, read_episodes

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_rollout_prompts_are_prefixes_of_the_training_render(count, tmp_path):
    from transformers import AutoTokenizer

    from agentbank.training import render, template_digest

    folder = tiny.write_checkpoint(tmp_path / "tiny", window=2048)
    options = {"max_tokens": 12}
    evaluate(
        tmp_path / "run",
        "count",
        agent="react",
        model=f"transformers:{folder}",
        model_options=options,
        n=2,
        max_steps=3,
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for episode in read_episodes(tmp_path / "run"):
        assert episode.agent.template == template_digest(tokenizer)
        messages = chat(episode)
        head = len(episode.prompt)
        for number, step in enumerate(episode.steps):
            whole = render(messages[: head + 2 * number + 2], tokenizer).input_ids
            prompt = step.turn.calls[0].prompt_ids
            assert prompt and tuple(whole[: len(prompt)]) == prompt
