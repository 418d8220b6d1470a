import asyncio
import email.utils
import json
import resource
import socket
import time

import pytest
from aiohttp import web

from agentbank.agents import make_model
from agentbank.agents.models.sockets import file_room
from agentbank.trajectories.errors import ContextOverflow, Fault, UnknownName, UsageError
from agentbank.trajectories.record import Message

CHAT = [Message("system", "Act.", False), Message("user", "go")]
QUICK = {"backoff": 0.001, "backoff_cap": 0.01, "retries": 3}
KEY = "sk-test-0123456789"


def completion(content="Action: go", **more):
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
    return {"choices": [{"message": {"content": content}, "finish_reason": "stop"}], "usage": usage} | more


class Server:
    """A real server on the loopback: each request is given to `answer`, which may do with it as it likes."""

    def __init__(self, answer):
        self.answer, self.seen = answer, []

    async def handle(self, request):
        body = await request.json()
        self.seen.append((body, dict(request.headers)))
        given = self.answer(request, len(self.seen))
        given = await given if asyncio.iscoroutine(given) else given
        return given if isinstance(given, web.StreamResponse) else web.json_response(given)

    async def __aenter__(self):
        app = web.Application(client_max_size=2**28)
        app.router.add_post("/v1/chat/completions", self.handle)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0, backlog=4096).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()


def ask(answer, *, chat=CHAT, calls=1, options=QUICK, **limits):
    """What the endpoint gives (or the exception that it raises) and the server, after one session with it."""

    async def session():
        async with Server(answer) as server:
            model = make_model("openai:m", base_url=server.url, **options)
            try:
                given = await asyncio.gather(
                    *(model.complete(chat, **limits) for _ in range(calls)), return_exceptions=True
                )
            finally:
                await model.close()
            return (given if calls > 1 else given[0]), server

    return asyncio.run(session())


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "AGENTBANK_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_reply_with_its_cost_and_the_request_behind_it():
    reply, server = ask(
        lambda request, n: completion(prompt_token_ids=[1, 2]),
        options=QUICK | {"temperature": 0.7, "top_p": 0.9, "extra": '{"top_k": 5}'},
        max_tokens=9,
        seed=4,
        stop=("\nObservation:",),
    )
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == ("Action: go", 7, 3, 2)
    assert reply.prompt_ids == (1, 2) and reply.finish_reason == "stop" and reply.seconds > 0
    body, headers = server.seen[0]
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Act."}, {"role": "user", "content": "go"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 9,
        "seed": 4,
        "stop": ["\nObservation:"],
        "top_k": 5,
    }
    assert "Authorization" not in headers


def test_a_greedy_call_sends_no_seed_and_none_leaves_a_field_out():
    _, server = ask(lambda request, n: completion(), options=QUICK | {"max_tokens": None}, seed=4)
    assert server.seen[0][0] == {
        "model": "m",
        "messages": [{"role": "system", "content": "Act."}, {"role": "user", "content": "go"}],
        "temperature": 0.0,
    }


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_a_passing_trouble_is_tried_again(status):
    reply, server = ask(lambda request, n: web.Response(status=status) if n < 3 else completion())
    assert reply.text == "Action: go" and len(server.seen) == 3


@pytest.mark.parametrize("status", [429, 500])
def test_a_lasting_trouble_is_a_fault_with_status_and_text(status):
    fault, server = ask(lambda request, n: web.Response(status=status, text="the engine is on fire " * 50))
    assert isinstance(fault, Fault) and fault.boundary == "model"
    assert f"status {status}" in str(fault) and "4 tries" in str(fault) and "engine is on fire" in str(fault)
    assert len(str(fault)) < 400 and len(server.seen) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 301])
def test_a_refusal_is_a_fault_at_once(status):
    fault, server = ask(lambda request, n: web.Response(status=status, text="no such model"))
    assert isinstance(fault, Fault) and f"status {status}" in str(fault) and "no such model" in str(fault)
    assert len(server.seen) == 1


async def cut(request, **headers):
    response = web.StreamResponse(headers={"Content-Length": "100000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"mess')
    request.transport.close()
    return response


ODD = {
    "HTML": lambda request: web.Response(text="<html><body>Welcome</body></html>", content_type="text/html"),
    "cut JSON": lambda request: web.Response(body=b'{"choices": [{"message": {"content": "Acti'),
    "closed mid-body": cut,
    "closed at once": lambda request: request.transport.close() or web.Response(),
    "no choices": lambda request: web.json_response({"choices": []}),
    "an error as 200": lambda request: web.json_response({"error": {"message": "overloaded"}}),
    "NaN": lambda request: web.Response(
        body=b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": NaN}}'
    ),
    "not UTF-8": lambda request: web.Response(body=b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "a number": lambda request: web.json_response({"choices": [{"message": {"content": 4}}]}),
    "nothing": lambda request: web.Response(body=b""),
    "not gzip": lambda request: web.Response(body=b"plain", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_malformed_answer_is_tried_again(kind):
    reply, server = ask(lambda request, n: ODD[kind](request) if n < 3 else completion())
    assert reply.text == "Action: go" and len(server.seen) == 3


@pytest.mark.parametrize("kind", ODD)
def test_malformed_answers_for_ever_are_a_fault(kind):
    fault, server = ask(lambda request, n: ODD[kind](request))
    assert isinstance(fault, Fault) and fault.boundary == "model" and "4 tries" in str(fault)
    assert len(server.seen) == 4 and "\n" not in str(fault)


def test_a_fault_shows_the_head_of_what_came():
    fault, _ = ask(lambda request, n: ODD["HTML"](request))
    assert "status 200" in str(fault) and "<html><body>Welcome" in str(fault)


@pytest.mark.parametrize("content", [None, "", []])
def test_no_content_is_an_empty_reply(content):
    reply, server = ask(lambda request, n: completion(content))
    assert reply.text == "" and reply.completion_tokens == 3 and len(server.seen) == 1


def test_a_message_without_content_is_an_empty_reply_and_parts_are_joined():
    reply, _ = ask(lambda request, n: {"choices": [{"message": {"role": "assistant", "tool_calls": []}}]})
    assert reply.text == "" and reply.prompt_tokens == 0
    parts = [{"type": "text", "text": "Action: "}, {"type": "refusal"}, {"type": "text", "text": "go"}]
    assert ask(lambda request, n: completion(parts))[0].text == "Action: go"


def test_two_megabytes_of_nonsense_are_a_reply_and_seventeen_a_fault():
    assert len(ask(lambda request, n: completion("q" * 2_000_000))[0].text) == 2_000_000
    fault, server = ask(lambda request, n: completion("q" * 17 * 2**20))
    assert isinstance(fault, Fault) and "more than 16777216 bytes" in str(fault) and len(server.seen) == 1


OVERFLOWS = {
    "OpenAI": (400, '{"error": {"message": "too long", "code": "context_length_exceeded"}}'),
    "OpenAI, in words": (400, "This model's maximum context length is 8192 tokens. Your messages resulted in 9000."),
    "vLLM, the prompt": (400, "The decoder prompt (length 3000) is longer than the maximum model length of 2048."),
    "vLLM, both": (
        400,
        "maximum context length is 2048 tokens. However, you requested 2500 (2200 in the messages).",
    ),
    "llama.cpp": (400, '{"error": {"message": "the request exceeds the available context size"}}'),
    "too large": (413, "Request Entity Too Large"),
}


@pytest.mark.parametrize("kind", OVERFLOWS)
def test_a_chat_that_does_not_fit_is_an_outcome_of_its_own(kind):
    status, text = OVERFLOWS[kind]
    overflow, server = ask(lambda request, n: web.Response(status=status, text=text))
    assert isinstance(overflow, ContextOverflow) and len(server.seen) == 1


@pytest.mark.parametrize(
    "told",
    ["your request has 1800 input tokens", "you requested 2312 tokens (1800 in the messages, 512 in the completion)"],
)
def test_where_only_the_reply_does_not_fit_it_is_asked_for_shorter_once(told):
    text = f"'max_tokens' is too large: 512. This model's maximum context length is 2048 tokens and {told}"

    async def answer(request):
        asked = (await request.json())["max_tokens"]
        return web.Response(status=400, text=text) if asked > 248 else web.json_response(completion())

    reply, server = ask(lambda request, n: answer(request))
    assert reply.text == "Action: go" and [body["max_tokens"] for body, _ in server.seen] == [512, 248]


def test_a_server_that_always_finds_the_reply_too_long_is_an_overflow():
    async def answer(request):
        asked = (await request.json())["max_tokens"]
        told = f"maximum context length is 2048 tokens and your prompt contains {2049 - asked} input tokens"
        return web.Response(status=400, text=told)

    overflow, server = ask(lambda request, n: answer(request))
    assert isinstance(overflow, ContextOverflow) and len(server.seen) == 2


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense", "for ever"])
def test_retry_after_is_honoured_within_its_cap(form):
    header = {
        "seconds": "0.3",
        "date": email.utils.formatdate(time.time() + 1.5, usegmt=True),
        "nonsense": "soon",
        "for ever": "1e9",
    }[form]
    times = []

    def answer(request, n):
        times.append(time.monotonic())
        return completion() if n > 1 else web.Response(status=429, headers={"Retry-After": header})

    reply, _ = ask(answer, options=QUICK | {"retry_after_cap": 0.4})
    assert reply.text == "Action: go"
    # A wait may last longer on a busy machine, never shorter than asked.
    assert times[1] - times[0] >= {"seconds": 0.3, "date": 0.05, "nonsense": 0, "for ever": 0.4}[form] - 0.01


def test_a_wait_beyond_the_deadline_is_not_begun():
    fault, server = ask(
        lambda request, n: web.Response(status=429, headers={"Retry-After": "60"}), options=QUICK | {"deadline": 5}
    )
    assert isinstance(fault, Fault) and "deadline of 5 s" in str(fault) and len(server.seen) == 1


def test_a_server_that_hangs_times_out_and_is_tried_again():
    async def hang(n):
        if n < 2:
            await asyncio.sleep(60)
        return web.json_response(completion())

    reply, server = ask(lambda request, n: hang(n), options=QUICK | {"timeout": 0.2})
    assert reply.text == "Action: go" and len(server.seen) == 2
    fault, _ = ask(lambda request, n: hang(0), options=QUICK | {"timeout": 0.05, "retries": 1})
    assert isinstance(fault, Fault) and "timed out" in str(fault) and "2 tries" in str(fault)


def test_a_slow_server_is_waited_for():
    async def slow(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for byte in json.dumps(completion()):
            await response.write(byte.encode())
            await asyncio.sleep(0.001)
        return response

    assert ask(lambda request, n: slow(request))[0].text == "Action: go"


def test_a_server_that_is_down_is_a_fault():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = make_model("openai:m", base_url=f"http://127.0.0.1:{port}/v1", **QUICK)

    async def call():
        try:
            await model.complete(CHAT)
        finally:
            await model.close()

    with pytest.raises(Fault, match=r"after 4 tries; last: ClientConnectorError"):
        asyncio.run(call())


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "AGENTBANK_API_KEY"])
def test_the_key_goes_into_the_header_and_nowhere_else(monkeypatch, variable):
    monkeypatch.setenv(variable, KEY)
    reply, server = ask(lambda request, n: completion(f"your key is {request.headers['Authorization']}"))
    assert server.seen[0][1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(reply) and "[key]" in reply.text and KEY not in json.dumps(server.seen[0][0])
    for status in (200, 400, 401, 413, 500):
        error, _ = ask(lambda request, n, s=status: web.Response(status=s, text=f"bad key {KEY}; context length " * 9))
        assert isinstance(error, Fault | ContextOverflow)
        assert KEY not in str(error) and KEY not in repr(error) and "[key]" in str(error)
    model = make_model("openai:m", base_url="http://127.0.0.1:1/v1")
    assert KEY not in repr(model) and KEY not in repr(model.sampling) and KEY not in repr(model.options)


def test_a_word_that_stands_for_no_key_is_left_in_the_reply(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert ask(lambda request, n: completion("the box is EMPTY"))[0].text == "the box is EMPTY"


@pytest.mark.parametrize(
    "address", ["ftp://host/v1", "localhost", "http://", "http://u:secret@host/v1", "http://h/v1?key=secret"]
)
def test_a_wrong_address_is_told_without_its_secret(address):
    with pytest.raises(UsageError) as caught:
        make_model("openai:m", base_url=address)
    assert "secret" not in str(caught.value)


def test_wrong_options_are_told(monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'temperature'"):
        make_model("openai:m", temperatur=1)
    with pytest.raises(UsageError, match="temperature"):
        make_model("openai:m", temperature="hot")
    with pytest.raises(UsageError, match="concurrency"):
        make_model("openai:m", concurrency=0)
    with pytest.raises(UsageError, match="extra is not a JSON object"):
        make_model("openai:m", extra="[1]")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\nbroken-secret")
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        make_model("openai:m")
    assert "broken" not in str(caught.value)


def test_the_address_comes_from_the_environment_too(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    assert "http://127.0.0.1:9/v1/chat/completions" in repr(make_model("openai:m"))
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert "https://api.openai.com/v1/chat/completions" in repr(make_model("openai:m"))


def test_concurrency_bounds_what_is_in_flight_and_the_line_costs_no_timeout():
    flying, most = 0, 0

    async def answer():
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.02)
        flying -= 1
        return web.json_response(completion())

    # The last of 200 waits ten time-outs long for its turn.
    replies, _ = ask(lambda r, n: answer(), calls=200, options=QUICK | {"concurrency": 8, "timeout": 5, "deadline": 5})
    assert {each.text for each in replies} == {"Action: go"} and most == 8


def test_a_thousand_in_flight():
    replies, server = ask(lambda request, n: completion(), calls=1000, options={"retries": 0})
    assert [each.text for each in replies] == ["Action: go"] * 1000 and len(server.seen) == 1000


def test_the_limit_of_open_files_is_raised_or_kept_to():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        assert file_room(400) == (400 if hard >= 656 else hard - 256)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(656, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_cancelling_leaves_the_session_usable():
    async def session():
        async with Server(lambda request, n: asyncio.sleep(60) if n == 1 else completion()) as server:
            model = make_model("openai:m", base_url=server.url, concurrency=1, **QUICK)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(model.complete(CHAT), 0.1)
            reply = await model.complete(CHAT)
            await model.close()
            return reply

    assert asyncio.run(session()).text == "Action: go"


def test_one_model_serves_one_loop_after_another():
    async def once(model):
        async with Server(lambda request, n: completion()) as server:
            model._url = model._url.with_port(int(server.url.split(":")[2].split("/")[0]))
            reply = await model.complete(CHAT)
            await model.close()
            return reply.text

    model = make_model("openai:m", base_url="http://127.0.0.1:1/v1", **QUICK)
    assert [asyncio.run(once(model)) for _ in range(2)] == ["Action: go"] * 2
