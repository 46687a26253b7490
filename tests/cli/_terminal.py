"""Runs a program on a terminal of its own, types at it, and prints what stands on the screen.

python3 _terminal.py '[["text to wait for", "keys to type"], ...]' COMMAND [ARG...]
Each text is waited for behind the beginning of the one before it. Exits with the program's exit code,
or with 99 where nothing has happened for 25 seconds.
"""

import json
import os
import pty
import select
import signal
import sys

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])

screen = b""
seen = 0
while True:
    if not select.select([terminal], [], [], 25)[0]:
        os.kill(pid, signal.SIGKILL)
        print(f"waited in vain for {steps[:1]}, on the screen is {screen!r}", file=sys.stderr)
        sys.exit(99)
    try:
        output = os.read(terminal, 65536)
    except OSError:  # the program has ended
        break
    if not output:
        break
    screen += output
    while steps:
        text, keys = (part.encode() for part in steps[0])
        found = screen.find(text, seen)
        if found < 0:
            break
        seen = found + 1
        steps.pop(0)
        os.write(terminal, keys)

sys.stdout.buffer.write(screen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
