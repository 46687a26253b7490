"""Python's clients of HTTP and WebSocket: `web.py http 127.0.0.1 8080`, `web.py websockets …`; and a server
of WebSocket, `web.py serve`, that prints where it listens."""

import asyncio
import http.client
import json
import sys

kind, *where = sys.argv[1:]
host, port = where or (None, None)


def call(id, method, params=None):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def encoded(message):
    return json.dumps(message, ensure_ascii=False)


def show(feature, value):
    print(json.dumps([feature, value]), flush=True)


def both(answers):
    return [answer.get("result") or answer["error"]["code"] for answer in answers]


LONG = "é" * 300_000


def long(answer):
    return len(answer["result"]) if answer["result"] == LONG.upper() else answer


NOTED = {"jsonrpc": "2.0", "method": "note", "params": {"text": "noted"}}
BATCH = [call(1, "upper", ["a"]), call(2, "nope", [])]


def over_http():
    line = http.client.HTTPConnection(host, int(port))

    def sent(message, **headers):
        headers["Content-Type"] = "application/json"
        line.request("POST", "/", encoded(message).encode(), headers)
        return line.getresponse()

    def ask(message):
        return json.loads(sent(message).read())

    def messages(message):
        for text in sent(message, Accept="application/x-ndjson"):
            yield json.loads(text)

    show("call", ask(call(1, "upper", ["hé😀"]))["result"])
    show("by name", ask(call(1, "subtract", {"minuend": 42, "subtrahend": 23}))["result"])
    show("error", ask(call(1, "nope", []))["error"]["code"])
    answer = sent(NOTED)
    show("notification", answer.read().decode() or None if answer.status == 202 else answer.status)
    show("batch", both(ask(BATCH)))
    show("600 KB", long(ask(call(1, "upper", [LONG]))))
    items = []
    for message in messages(call(1, "count", [3])):
        if "method" in message:
            params = message["params"]
            items.extend(params.get("values", [params.get("value")]))
        else:
            items.append(message["result"])
    show("stream", items)
    other = http.client.HTTPConnection(host, int(port))
    other.request("POST", "/", json.dumps(call(1, "wait")), {"Content-Type": "application/json"})
    ask(call(1, "begun"))
    other.close()
    show("cancel", "hung up")
    told = call(1, "work", {"_meta": {"progressToken": "t"}})
    show("progress", [it["params"]["value"] for it in messages(told) if it.get("method") == "$/progress"])


async def over_websocket():
    import websockets

    async with websockets.connect(f"ws://{host}:{port}/", subprotocols=["jsonrpc-2.0"]) as line:
        assert line.subprotocol == "jsonrpc-2.0"

        async def send(message):
            await line.send(encoded(message))

        async def hear(told=None):
            """The next answer; what comes before it is told."""
            while True:
                message = json.loads(await line.recv())
                if isinstance(message, list) or "method" not in message:
                    return message
                if "id" in message:
                    known = message["method"] == "ask"
                    error = {"code": -32601, "message": "Method not found"}
                    outcome = {"result": message["params"][0] + " Yes."} if known else {"error": error}
                    await send({"jsonrpc": "2.0", "id": message["id"], **outcome})
                elif told is not None:
                    await told(message)

        async def ask(message, told=None):
            await send(message)
            return await hear(told)

        show("call", (await ask(call(1, "upper", ["hé😀"])))["result"])
        numbers = {"minuend": 42, "subtrahend": 23}
        show("by name", (await ask(call(2, "subtract", numbers)))["result"])
        show("error", (await ask(call(3, "nope", [])))["error"]["code"])
        await send(NOTED)
        show("notification", None)
        show("batch", both(await ask(BATCH)))
        for n in range(100):
            await send(call(n, "upper", [f"n{n}"]))
        answers = [await hear() for _ in range(100)]
        show("100 at once", [it["result"] for it in sorted(answers, key=lambda it: it["id"])])
        show("600 KB", long(await ask(call(4, "upper", [LONG]))))
        items = []

        async def item(message):
            params = message["params"]
            items.extend(params.get("values", [params.get("value")]))
            await send({"jsonrpc": "2.0", "method": "$/stream/credit", "params": {"id": 4, "n": 1}})

        asked = {"value": 3, "_meta": {"stream": {"credit": 1}}}
        answer = await ask(call(4, "count", asked), item)
        show("stream", items + [answer["result"]])
        up = {"id": 9, "dir": "up"}

        async def credit(message):
            await send({"jsonrpc": "2.0", "method": "$/stream/item", "params": {**up, "values": [1, 2, 4]}})
            await send({"jsonrpc": "2.0", "method": "$/stream/end", "params": up})

        show("items up", (await ask(call(9, "total", []), credit))["result"])
        await send(call(5, "wait"))
        await ask(call(6, "begun"))
        cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 5}}
        show("cancel", (await ask(cancel))["error"]["code"])
        told = []

        async def progress(message):
            told.append(message["params"]["value"])

        await ask(call(7, "work", {"_meta": {"progressToken": "t"}}), progress)
        show("progress", told)
        show("calls back", (await ask(call(8, "ask")))["result"])


async def serve():
    import websockets

    noted = []

    async def handled(line, message):
        method, params = message["method"], message.get("params")
        if method == "upper":
            return {"result": params[0].upper()}
        if method == "subtract":
            return {"result": params["minuend"] - params["subtrahend"]}
        if method == "note":
            noted.append(params)
        if method == "noted":
            return {"result": noted.pop()}
        if method == "ask":
            await line.send(json.dumps(call(1, "ask", ["Really?"])))
            return {"result": json.loads(await line.recv())["result"]}
        return {"error": {"code": -32601, "message": "Method not found"}}

    async def answer(line, message):
        outcome = await handled(line, message)
        return {"jsonrpc": "2.0", "id": message["id"], **outcome} if "id" in message else None

    async def talk(line):
        async for text in line:
            message = json.loads(text)
            if isinstance(message, list):
                reply = [await answer(line, it) for it in message]
            else:
                reply = await answer(line, message)
            if reply is not None:
                await line.send(json.dumps(reply))

    async with websockets.serve(talk, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        print(f"{host}:{port}", flush=True)
        await asyncio.Future()


if kind == "http":
    over_http()
elif kind == "serve":
    asyncio.run(serve())
else:
    asyncio.run(over_websocket())
