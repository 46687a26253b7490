"""Open vSwitch's own JSON-RPC for Python, as a client: `ovs_session.py unix:/tmp/db.sock`."""

import json
import sys

import ovs.jsonrpc
import ovs.poller

session = ovs.jsonrpc.Session.open(sys.argv[1])


def until(ready):
    """What `ready` gives, once it is something."""
    while True:
        session.run()
        value = ready()
        if value:
            return value
        poller = ovs.poller.Poller()
        session.wait(poller)
        session.recv_wait(poller)
        poller.block()


def receive():
    """The next message, once it has come."""
    return until(session.recv)


def request(method, params):
    message = ovs.jsonrpc.Message.create_request(method, params)
    session.send(message)
    return message.id


def call(method, params):
    id = request(method, params)
    answer = receive()
    assert answer.id == id, answer
    return answer


def show(feature, value):
    print(json.dumps([feature, value]), flush=True)


until(session.is_connected)
show("call", call("upper", ["hé😀"]).result)
show("error", call("nope", []).error["code"])

session.send(ovs.jsonrpc.Message.create_notify("note", [{"text": "noted"}]))
show("notification", None)

ids = [request("upper", [f"n{n}"]) for n in range(100)]
answers = {}
for _ in ids:
    answer = receive()
    answers[answer.id] = answer.result
show("100 at once", [answers[id] for id in ids])

id = request("ask", [])
question = receive()
assert question.type == ovs.jsonrpc.Message.T_REQUEST, question
session.send(ovs.jsonrpc.Message.create_reply(f"{question.params[0]} Yes.", question.id))
answer = receive()
assert answer.id == id, answer
show("calls back", answer.result)
