/**
 * `fd:3` and `fd:NAME`: sockets that listen already, which the program that started this process has handed
 * over. That is systemd's socket activation, sd_listen_fds(3):
 *
 * ```text
 * LISTEN_PID=1234             the process they are for; one that inherits the variables has no claim to them
 * LISTEN_FDS=2                descriptors 3 and 4
 * LISTEN_FDNAMES=http:admin   their names; several may have the same
 * ```
 *
 * The variables are looked at as far as they are there and may be read: a descriptor by its number needs no
 * permission at all. Closing here closes our copy. The socket, and its file, stay with the program that
 * opened it, and callers wait there for the next process.
 *
 * @module
 */

import { environmentVariable, processId } from "../runtime.ts";
import { type Address, badAddress, parseAddress, schemeOf } from "./address.ts";
import { listenAt } from "./node/net.ts";
import { behindProxies } from "./proxy/mod.ts";
import type { Listener, Transport } from "./socket.ts";

/** The first descriptor that is handed over. */
const FIRST = 3;

const NUMBER = /^[0-9]{1,9}$/;

/** What the system says of a descriptor that does not listen. */
const NO_LISTENER = ["EBADF", "EEXIST", "EINVAL", "ENOTSOCK", "EOPNOTSUPP", "ERR_INVALID_FD_TYPE"];

/** Sockets that another program has opened. */
export const fd: Pick<Transport, "listen"> = {
  async listen(address, options): Promise<Listener> {
    const descriptor = descriptorOf(address);
    mustBeOurs(address, descriptor);
    let listener: Listener;
    try {
      listener = await listenAt({ fd: descriptor });
    } catch (error) {
      if (!NO_LISTENER.includes((error as { readonly code: string }).code)) throw error;
      throw badAddress(address.text, `descriptor ${descriptor} is no socket that listens${hint()}`);
    }
    return behindProxies(listener, options);
  },
};

/**
 * The descriptors that a name stands for, as addresses; of every other address itself.
 *
 * @throws {TypeError} for a name that no descriptor has
 */
export function inherited<T extends string | URL>(address: T): readonly (T | string)[] {
  if (schemeOf(String(address)) !== "fd") return [address];
  const { path, hostname, query, text } = parseAddress(address);
  if (NUMBER.test(path)) return [address];
  if (path === "" || hostname !== "" || query.size > 0) throw badAddress(text, SHAPE);
  const names = environmentVariable("LISTEN_FDNAMES");
  if (names === null) {
    throw badAddress(
      text,
      "the names of descriptors need the permission --allow-env=LISTEN_FDNAMES",
    );
  }
  if (names === undefined) {
    throw badAddress(text, "LISTEN_FDNAMES is not set: no descriptor has a name");
  }
  const descriptors = names.split(":").flatMap((name, i) =>
    name === path ? [`fd:${FIRST + i}`] : []
  );
  if (descriptors.length > 0) return descriptors;
  throw badAddress(text, `no descriptor has this name, LISTEN_FDNAMES is ${JSON.stringify(names)}`);
}

/** All descriptors that were handed to this process and no other, as addresses. */
export function handedOver(): readonly string[] {
  if (Number(environmentVariable("LISTEN_PID") ?? 0) !== processId()) return [];
  const count = Number(environmentVariable("LISTEN_FDS") ?? 0);
  return Array.from({ length: count }, (_, i) => `fd:${FIRST + i}`);
}

const SHAPE = "a descriptor is a number or a name: fd:3, fd:http";

function descriptorOf({ path, hostname, query, text }: Address): number {
  const descriptor = NUMBER.test(path) ? Number(path) : NaN;
  if (hostname !== "" || query.size > 0 || Number.isNaN(descriptor)) throw badAddress(text, SHAPE);
  return descriptor;
}

/** @throws {TypeError} for what was handed to another process, and for a number that was not handed over */
function mustBeOurs({ text }: Address, descriptor: number): void {
  const pid = environmentVariable("LISTEN_PID");
  if (typeof pid === "string" && Number(pid) !== processId()) {
    throw badAddress(text, `LISTEN_PID is ${pid}, this process is ${processId()}: it is another's`);
  }
  const count = environmentVariable("LISTEN_FDS");
  if (typeof count !== "string" || descriptor < FIRST || descriptor < FIRST + Number(count)) return;
  throw badAddress(
    text,
    `there is no such descriptor, LISTEN_FDS is ${count} and the first is ${FIRST}`,
  );
}

/** What the environment says of why it may not be there. */
function hint(): string {
  const count = environmentVariable("LISTEN_FDS");
  if (count === undefined) return ", and LISTEN_FDS is not set: none was handed over";
  return count === null ? "; more is known with --allow-env=LISTEN_PID,LISTEN_FDS" : "";
}
