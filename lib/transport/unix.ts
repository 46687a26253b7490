/**
 * `unix:///path`: a socket file, for processes on one machine. Only its owner may connect.
 *
 * One server has the file, from the moment in which it appears to that in which it is removed:
 *
 * ```text
 * a folder of our own, mode 0700:  bind ─> chmod 0600 ─┐
 * nothing is at the path:                              ├─> link: fails if something is there
 * a dead server has left its file:   lock, look again ─┴─> rename over it
 * the end:                    remove it, if it is still our file ─> close
 * ```
 *
 * - The file never has other permissions than the wanted ones: where it is bound nobody else may look,
 *   and it comes to its path when it is ready. (To bind at the path itself takes the process's umask, which
 *   is a permission of its own in Deno, and holds for all threads.)
 * - Whether a file was left by a dead server is told by connecting. Of several new servers that see one
 *   only the one that holds the folder's lock looks and replaces; the next finds a server that lives. The
 *   lock is the system's, and goes with its holder.
 * - Deno and Node remove what is at the path of a listener that they close, even a file of another program: here
 *   that is the path in our folder. What is at the real path is removed before, while a server that looks still
 *   finds us alive, and only if it is our own file.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import { type Address, badAddress } from "./address.ts";
import { files } from "./files.ts";
import { net, whenThere } from "./net.ts";
import { behindProxies } from "./proxy/mod.ts";
import type { Listener, Transport } from "./socket.ts";
import type { FileState } from "./system.ts";

/** Bytes of a path that a socket is bound to or looked for at: `sun_path` has 108 on Linux, one is zero. */
const MAX_PATH = 107;

/** The name of a folder of our own: a dot and so many letters and digits. */
const NAME_LENGTH = 6;

/** Milliseconds in which the lock of a folder must be had, and between two tries. */
const LOCK_TIMEOUT = 5000;
const LOCK_PAUSE = 10;

/** Unix domain sockets. */
export const unix: Transport = {
  listen(address, options) {
    const path = pathOf(address);
    if (bytesOf(privatePath(folderOf(path), "x".repeat(NAME_LENGTH))) > MAX_PATH) {
      throw badAddress(address.text, `the folder of a Unix socket has at most ${MAX_FOLDER} bytes`);
    }
    files.mayUse(folderOf(path));
    const listener = whenThere(bind(path), (socket) => {
      try {
        return socket.link() ? socket.listener() : replaceStale(socket);
      } catch (error) {
        socket.abandon();
        throw error;
      }
    });
    return whenThere(listener, (listener) => behindProxies(listener, options));
  },
  dial(address, { signal }) {
    return net.connect({ path: pathOf(address) }, signal);
  },
};

const MAX_FOLDER = MAX_PATH - privatePath("", "x".repeat(NAME_LENGTH)).length;

function privatePath(folder: string, name: string): string {
  return `${folder === "/" ? "" : folder}/.${name}/s`;
}

/** Binds a socket in a folder of our own. */
function bind(path: string): SocketFile | Promise<SocketFile> {
  const bound = makePrivateFolder(folderOf(path));
  const giveUp = (error: unknown): never => {
    files.remove(folderOf(bound));
    throw error;
  };
  try {
    const made = whenThere(
      net.listen({ path: bound }, { local: `unix://${path}` }),
      (listener) => new SocketFile(path, bound, listener),
    );
    return made instanceof Promise ? made.catch(giveUp) : made;
  } catch (error) {
    return giveUp(error);
  }
}

/** A socket that is bound, and not yet at its path. */
class SocketFile {
  readonly path: string;
  readonly #bound: string;
  readonly #listener: Listener;
  /** Which file it is, whatever its names are. */
  readonly #file: FileState;

  constructor(path: string, bound: string, listener: Listener) {
    this.path = path;
    this.#bound = bound;
    this.#listener = listener;
    try {
      files.chmod(bound, 0o600);
      this.#file = files.look(bound);
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  /** Gives it its path; false where something is there. */
  link(): boolean {
    try {
      files.link(this.#bound, this.path);
      return true;
    } catch (error) {
      if (error instanceof errors.AlreadyExists) return false;
      throw error;
    }
  }

  /** Gives it its path, whatever is there. */
  replace(): void {
    files.rename(this.#bound, this.path);
  }

  /** What accepts at the path; whatever is left of our folder goes. */
  listener(): Listener {
    files.remove(folderOf(this.#bound));
    const below = this.#listener;
    return {
      address: below.address,
      accept: () => below.accept(),
      close: () => {
        this.#remove();
        below.close();
      },
    };
  }

  /** It gets no path. */
  abandon(): void {
    this.#listener.close();
    files.remove(folderOf(this.#bound));
  }

  /** Removes the file, unless it is another by now. */
  #remove(): void {
    try {
      const { dev, ino } = files.look(this.path);
      if (dev === this.#file.dev && ino === this.#file.ino) files.remove(this.path);
    } catch {
      // It is gone, or no longer ours to remove: the next server takes it for that of a dead one.
    }
  }
}

/** Makes a folder that only we may use; the path in it that a socket can be bound to. */
function makePrivateFolder(folder: string): string {
  for (let tries = 0;; tries++) {
    const name = crypto.randomUUID().slice(0, NAME_LENGTH);
    const path = privatePath(folder, name);
    try {
      files.makeFolder(folderOf(path), 0o700);
      return path;
    } catch (error) {
      if (!(error instanceof errors.AlreadyExists) || tries === 9) throw error;
    }
  }
}

/** A server that was killed leaves its file behind; one that lives answers. */
async function replaceStale(socket: SocketFile): Promise<Listener> {
  const { path } = socket;
  try {
    const unlock = await lockOf(folderOf(path));
    try {
      while (!socket.link()) {
        if (await isGone(path)) continue;
        socket.replace();
        break;
      }
      return socket.listener();
    } finally {
      unlock();
    }
  } catch (error) {
    socket.abandon();
    throw error;
  }
}

/**
 * Whether nothing is at the path any more; false where a dead server has left its file.
 *
 * @throws {Deno.errors.AddrInUse} for the file of a server that lives, and for one that is no socket
 */
async function isGone(path: string): Promise<boolean> {
  try {
    if (!files.look(path).isSocket) {
      throw new errors.AddrInUse("the path is in use, by a file that is no socket");
    }
    (await net.connect({ path })).close();
  } catch (error) {
    if (error instanceof errors.NotFound) return true;
    if (error instanceof errors.ConnectionRefused) return false;
    throw error;
  }
  throw new errors.AddrInUse("the path is in use by another server");
}

/** Takes the lock that servers have in turn to replace a file in this folder; returns what lets go of it. */
async function lockOf(folder: string): Promise<() => void> {
  for (const end = performance.now() + LOCK_TIMEOUT;;) {
    const unlock = await files.tryLock(folder);
    if (unlock !== undefined) return unlock;
    if (performance.now() > end) {
      throw new errors.TimedOut(`another process has locked the folder ${folder}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE));
  }
}

function pathOf({ path, hostname, text }: Address): string {
  if (hostname !== "" || !path.startsWith("/") || path.length < 2) {
    throw badAddress(text, "a unix address needs an absolute path: unix:///run/app.sock");
  }
  if (bytesOf(path) > MAX_PATH) {
    throw badAddress(text, `the path of a Unix socket has at most ${MAX_PATH} bytes`);
  }
  return path;
}

/** The folder that a path is in. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
