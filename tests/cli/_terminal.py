"""Runs a program on a terminal of its own, types at it, and prints what stands on the screen.

python3 _terminal.py '[["text to wait for", "keys to type"], ...]' COMMAND [ARG...]
Exits with the program's exit code.
"""

import json
import os
import pty
import sys

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])

screen = b""
while True:
    try:
        output = os.read(terminal, 65536)
    except OSError:  # the program has ended
        break
    if not output:
        break
    screen += output
    while steps and steps[0][0].encode() in screen:
        os.write(terminal, steps.pop(0)[1].encode())

sys.stdout.buffer.write(screen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
