"""The caller of the old teaching page.

python3 client.py PORT
Like there, it ends with an EOFError when the input does.
"""

import sys
from socket import AF_INET, SOCK_STREAM, socket

phone = socket(AF_INET, SOCK_STREAM)
phone.connect(("127.0.0.1", int(sys.argv[1])))

while True:
    msg = input(">>: ").strip()
    if not msg:
        continue
    phone.send(msg.encode("utf-8"))
    print(phone.recv(1024).decode("utf-8"))
