"""What the endpoint costs a call over HTTP, beside a bare aiohttp loop, against an instant server in another process.

    python benchmarks/endpoint.py [--calls 10000] [--json]

CPU time of the client's process alone, both clients in one run, in turns, so that the ratio holds whatever the machine.
Both send the same chat of a ten-turn episode; the bare loop encodes it, posts it, reads and decodes the answer.
With ``--slow`` the server thinks for a time that is set, and the rows show how much of the bare loop's calls per second
the endpoint gets out of it.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time

import aiohttp
import msgspec

from agentbank.agents import make_model
from agentbank.trajectories import Message

SERVER = """
import asyncio, json, sys
delay = float(sys.argv[1])
content = "Thought: I should look around a little more.\\nAction: look"
body = json.dumps(dict(id="chatcmpl-0", object="chat.completion", created=0, model="m", choices=[dict(index=0,
    message=dict(role="assistant", content=content), finish_reason="stop")],
    usage=dict(prompt_tokens=100, completion_tokens=12, total_tokens=112))).encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body

class Instant(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
    def data_received(self, data):
        self.buffer += data
        while True:
            head, blank, rest = self.buffer.partition(b"\\r\\n\\r\\n")
            if not blank:
                return
            at = head.lower().find(b"content-length:")
            size = int(head[at + 15 :].split(b"\\r", 1)[0])
            if len(rest) < size:
                return
            self.buffer = rest[size:]
            if delay:
                asyncio.get_running_loop().call_later(delay, self.transport.write, answer)
            else:
                self.transport.write(answer)

async def main():
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
"""
TURN = "Nothing happens. You see a table, a lamp and two chairs. " * 4
CHAT = [Message("system", "How to act here: say anything. " * 20)]
for _ in range(10):
    CHAT += [Message("user", TURN), Message("assistant", "Thought: I look around.\nAction: look")]
CHAT.append(Message("user", TURN))


async def crowd(call, calls, flight):
    """Make `calls` calls with `flight` of them in flight."""
    left = iter(range(calls))

    async def one():
        for _ in left:
            await call()

    start, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(one() for _ in range(flight)))
    return 1e6 * (time.process_time() - start) / calls, calls / (time.perf_counter() - wall)


async def bare(url, calls, flight, connections):
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call():
            messages = [{"role": each.role, "content": each.content} for each in CHAT]
            body = msgspec.json.encode({"model": "m", "temperature": 0.0, "max_tokens": 512, "messages": messages})
            async with session.post(f"{url}/chat/completions", data=body) as response:
                answer = msgspec.json.decode(await response.read())
                return answer["choices"][0]["message"]["content"]

        await crowd(call, min(calls, connections), min(flight, connections))  # connect
        return await crowd(call, calls, flight)


async def endpoint(url, calls, flight, connections):
    model = make_model("openai:m", base_url=url, concurrency=connections)

    async def call():
        return (await model.complete(CHAT)).text

    await crowd(call, min(calls, connections), min(flight, connections))
    spent = await crowd(call, calls, flight)
    await model.close()
    return spent


def best(rounds, *given):
    """Per client the least CPU and the most calls per second, the clients taking turns: other load only ever adds."""
    results = [[asyncio.run(client(*given)) for client in (bare, endpoint)] for _ in range(rounds)]
    return [(min(cpu for cpu, _ in each), max(rate for _, rate in each)) for each in zip(*results, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", type=float, default=0.0, help="seconds that the server thinks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    command = [sys.executable, "-c", SERVER, str(options.slow)]
    rows = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        try:
            for flight in (1, 64, 1_000, 10_000):
                calls = max(options.calls, 2 * flight) if flight > 1 or not options.slow else 100
                given = (options.rounds, url, calls, flight, 512)
                (loop_us, loop_rate), (own_us, own_rate) = best(*given)
                rows.append(
                    {
                        "in_flight": flight,
                        "calls": calls,
                        "endpoint_us": own_us,
                        "bare_us": loop_us,
                        "cpu_ratio": own_us / loop_us,
                        "calls_per_second": own_rate,
                        "rate_ratio": own_rate / loop_rate,
                    }
                )
                if not options.json:
                    print(
                        "{in_flight:>6} in flight: {endpoint_us:6.1f} us CPU a call, bare {bare_us:.1f} "
                        "(x{cpu_ratio:.2f}); {calls_per_second:,.0f} calls/s, {rate_ratio:.0%} of bare".format(
                            **rows[-1]
                        ),
                        flush=True,
                    )
        finally:
            server.terminate()
    if options.json:
        json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
