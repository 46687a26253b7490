# Opens sockets and starts programs that find them from descriptor 3 on, as systemd does. What the programs
# print and what they end with goes to standard output.
#
#   supervisor.py '[["tcp", "127.0.0.1", 0, "http"], ["unix", "/tmp/s", 0, "admin"]]' COMMAND...
#
# First comes a line with the addresses of all sockets, in JSON. Each line of standard input is a JSON
# object with changes of the environment, null for a variable that is not to be there, and starts the
# program; "started PID" and "ended CODE" are printed.
import json, os, socket, sys, threading

FAMILIES = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
}


def open_socket(kind, host, port, _name):
    family, type = FAMILIES[kind]
    opened = socket.socket(family, type)
    opened.bind(host if kind == "unix" else (host, port))
    if kind != "udp":
        opened.listen(1024)
    return opened


def start(sockets, names, changes, command):
    pid = os.fork()
    if pid != 0:
        return pid
    # Out of the way first: what is to be 3 may be another's 4.
    far = [os.dup2(opened.fileno(), 200 + i) for i, opened in enumerate(sockets)]
    for i, descriptor in enumerate(far):
        os.dup2(descriptor, 3 + i)
        os.close(descriptor)
    given = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(sockets)),
        "LISTEN_FDNAMES": ":".join(names),
        **changes,
    }
    environment = {**os.environ, **given}
    os.execvpe(command[0], command, {k: v for k, v in environment.items() if v is not None})


def wait_for(pid):
    _, status = os.waitpid(pid, 0)
    print("ended", os.waitstatus_to_exitcode(status), flush=True)


specs, command = json.loads(sys.argv[1]), sys.argv[2:]
sockets = [open_socket(*spec) for spec in specs]
print(json.dumps([opened.getsockname() for opened in sockets]), flush=True)
for line in sys.stdin:
    pid = start(sockets, [spec[3] for spec in specs], json.loads(line), command)
    print("started", pid, flush=True)
    threading.Thread(target=wait_for, args=(pid,), daemon=True).start()
