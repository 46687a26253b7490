/**
 * Tells the service manager how the server is, as sd_notify(3) of systemd does: one datagram each time, to
 * the Unix socket that `NOTIFY_SOCKET` names. Without that variable there is no manager to tell.
 *
 * Deno sends such a datagram only from a socket with a name of its own:
 *
 * ```text
 * --allow-net for everything                    a name that is no file, which the end of the process frees
 * --allow-net=unix:$RUNTIME_DIRECTORY/notify    a file in the folder that RuntimeDirectory= has made
 * ```
 *
 * If a message cannot be sent, the server serves all the same: the log has one line that says what is missing.
 *
 * @module
 */

import { type DatagramConn, unixDatagramListener } from "../../lib/transport/unstable.ts";
import { isGranted, variable } from "../command/permissions.ts";

/** Tells a service manager, if there is one. */
export interface Notifier {
  /** Whether there is a manager to tell. */
  readonly isThere: boolean;
  /** The server listens everywhere, or has read again what it was told to; what it says of itself. */
  ready(status: string): void;
  /** It reads files again; {@linkcode ready} follows. */
  reloading(): void;
  /** It begins to end. */
  stopping(status: string): void;
  /** Resolves when all of it was sent. */
  close(): Promise<void>;
}

/** What is used without a manager. */
const NOBODY: Notifier = {
  isThere: false,
  ready: () => {},
  reloading: () => {},
  stopping: () => {},
  close: () => Promise.resolve(),
};

/** @param complain is told once, if the manager cannot be told, why that is */
export function openNotifier(complain: (why: string) => void): Notifier {
  const to = variable("NOTIFY_SOCKET");
  if (to === undefined) return NOBODY;
  try {
    return new SystemdNotifier(to, complain);
  } catch (error) {
    complain(whyNot(error));
    return NOBODY;
  }
}

class SystemdNotifier implements Notifier {
  readonly isThere = true;
  readonly #socket: DatagramConn;
  readonly #to: Deno.UnixAddr;
  readonly #complain: (why: string) => void;
  /** Messages go one after another: what came later counts. */
  #sent: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #watchdog: ReturnType<typeof setInterval> | undefined;

  constructor(to: string, complain: (why: string) => void) {
    if (!/^[/@]/.test(to)) {
      throw new TypeError(`NOTIFY_SOCKET is no path of a Unix socket: ${JSON.stringify(to)}`);
    }
    const listenDatagram = unixDatagramListener();
    if (listenDatagram === undefined) throw new Error("that needs the flag --unstable-net");
    this.#socket = listenDatagram({ transport: "unixpacket", path: ownName() });
    this.#to = { transport: "unixpacket", path: to.replace(/^@/, "\0") };
    this.#complain = complain;
  }

  ready(status: string): void {
    this.#send("READY=1", `STATUS=${status}`);
    this.#watchdog ??= this.#startWatchdog();
  }

  reloading(): void {
    // What Type=notify-reload compares is CLOCK_MONOTONIC, which Deno does not tell. The seconds since the
    // machine was started are never less, rounded up; to a service of Type=notify they mean nothing.
    const isTold = isGranted({ name: "sys", kind: "osUptime" });
    this.#send("RELOADING=1", ...isTold ? [`MONOTONIC_USEC=${(Deno.osUptime() + 1) * 1e6}`] : []);
  }

  stopping(status: string): void {
    this.#send("STOPPING=1", `STATUS=${status}`);
  }

  async close(): Promise<void> {
    clearInterval(this.#watchdog);
    await this.#sent;
    this.#socket.close();
    const { path } = this.#socket.addr as Deno.UnixAddr;
    if (!path.startsWith("\0")) Deno.removeSync(path);
  }

  /** A loop that hangs tells nothing any more, and the manager starts the server again. */
  #startWatchdog(): ReturnType<typeof setInterval> | undefined {
    const microseconds = Number(variable("WATCHDOG_USEC") ?? 0);
    const pid = variable("WATCHDOG_PID");
    if (!(microseconds > 0) || pid !== undefined && Number(pid) !== Deno.pid) return undefined;
    const timer = setInterval(() => this.#send("WATCHDOG=1"), microseconds / 2000);
    Deno.unrefTimer(timer);
    return timer;
  }

  #send(...lines: string[]): void {
    const bytes = new TextEncoder().encode(lines.join("\n"));
    this.#sent = this.#sent.then(async () => {
      try {
        await this.#socket.send(bytes, this.#to);
      } catch (error) {
        if (!this.#hasFailed) this.#complain(whyNot(error));
        this.#hasFailed = true;
      }
    });
  }
}

/** The name that the messages come from. */
function ownName(): string {
  if (isGranted({ name: "net" })) return `\0landline-${crypto.randomUUID()}`;
  const folder = variable("RUNTIME_DIRECTORY")?.split(":")[0];
  if (folder === undefined) {
    throw new Error("that needs --allow-net, or RUNTIME_DIRECTORY and --allow-net=unix:FILE in it");
  }
  const path = `${folder}/notify`;
  try {
    Deno.removeSync(path); // of a process that was killed
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return path;
}

function whyNot(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `the service manager is not told how the server is: ${message}`;
}
