"""jsonrpc-glib, at both ends: `glib.py call PORT` is a client, `glib.py serve` a server that prints its port."""

import json
import sys

import gi

gi.require_version("Jsonrpc", "1.0")
from gi.repository import Gio, GLib, Jsonrpc

loop = GLib.MainLoop()


def variant(value):
    """A GVariant of a value of Python's."""
    if value is None:
        return None
    if isinstance(value, dict):
        return GLib.Variant("a{sv}", {key: variant(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return GLib.Variant("av", [variant(item) for item in value])
    return GLib.Variant({str: "s", int: "x", float: "d", bool: "b"}[type(value)], value)


def show(feature, value):
    print(json.dumps([feature, value]), flush=True)


def call(port):
    stream = Gio.SocketClient().connect_to_host(f"127.0.0.1:{port}", 0, None)
    client = Jsonrpc.Client.new(stream)

    def request(method, params=None, cancellable=None):
        done, result = client.call(method, variant(params), cancellable)
        return result.unpack()

    show("call", request("upper", ["hé😀"]))
    show("by name", request("subtract", {"minuend": 42, "subtrahend": 23}))
    try:
        request("nope")
    except GLib.Error as error:
        show("error", GLib.Variant.parse(None, error.message).unpack()["code"])

    client.send_notification("note", variant({"text": "noted"}), None)
    show("notification", None)

    answers = []

    def answered(client, result):
        answers.append(client.call_finish(result)[1].unpack())
        if len(answers) == 100:
            loop.quit()

    for n in range(100):
        client.call_async("upper", variant([f"n{n}"]), None, answered)
    loop.run()
    show("100 at once", sorted(answers, key=lambda text: int(text[1:])))

    def asked(client, method, id, params):
        client.reply_async(id, variant(f"{params.unpack()[0]} Yes."), None, None)
        return True

    client.connect("handle-call", asked)
    client.call_async("ask", None, None, lambda client, result: (answered(client, result), loop.quit()))
    loop.run()
    show("calls back", answers[-1])
    client.close()


def serve():
    server = Jsonrpc.Server()
    clients = set()

    def upper(server, client, method, id, params):
        client.reply(id, variant(params.unpack()[0].upper()), None)

    def subtract(server, client, method, id, params):
        numbers = params.unpack()
        client.reply(id, variant(numbers["minuend"] - numbers["subtrahend"]), None)

    def ask(server, client, method, id, params):
        client.call_async("ask", variant(["Really?"]), None, lambda client, result: client.reply(
            id, client.call_finish(result)[1], None))

    for handler in (upper, subtract, ask):
        server.add_handler(handler.__name__, handler)

    def noted(server, client, method, params):
        if method == "note":
            client.send_notification("note", params, None)

    server.connect("notification", noted)
    listener = Gio.SocketService()
    port = listener.add_any_inet_port(None)

    def incoming(listener, connection, source):
        clients.add(connection)
        server.accept_io_stream(connection)
        return True

    listener.connect("incoming", incoming)
    listener.start()
    print(port, flush=True)
    loop.run()


if sys.argv[1] == "serve":
    serve()
else:
    call(sys.argv[2])
