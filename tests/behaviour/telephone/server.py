"""The telephone of the old teaching page: answers in upper case, one caller after another.

python3 server.py PORT
Prints the port, which the system chooses where it is 0.
"""

import sys
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

phone = socket(AF_INET, SOCK_STREAM)
phone.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
phone.bind(("127.0.0.1", int(sys.argv[1])))
phone.listen(5)
print(phone.getsockname()[1], flush=True)

while True:
    conn, address = phone.accept()
    while True:
        msg = conn.recv(1024)
        if not msg:
            break
        conn.send(msg.upper())
    conn.close()
