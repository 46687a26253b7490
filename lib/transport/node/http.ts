/**
 * Requests of HTTP by `node:http` and `node:https`: `fetch` takes no certificates there.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { nodeModule } from "../../runtime.ts";
import type { HttpClient, HttpCredentials } from "../system.ts";
import { systemError } from "./errors.ts";

/** What makes requests with these certificates. */
export function nodeHttp(credentials: HttpCredentials): HttpClient {
  const clear = nodeModule("node:http"), secure = nodeModule("node:https");
  const agents = {
    "http:": new clear.Agent({ keepAlive: true }),
    "https:": new secure.Agent({ keepAlive: true, ...credentials }),
  };
  return {
    request(url, { method, headers, body, signal }) {
      const isSecure = url.protocol === "https:";
      const options = {
        agent: agents[isSecure ? "https:" : "http:"],
        method,
        headers: {
          ...Object.fromEntries(headers),
          // A packed body is not unpacked here.
          "accept-encoding": "identity",
          ...(body !== undefined && { "content-length": String(body.length) }),
        },
      };
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const request = (isSecure ? secure : clear).request(url, options);
        // Not the option `signal`: Node hands it on to the socket, which another request may have by then.
        const hangUp = () => {
          reject(signal.reason);
          request.destroy();
        };
        signal.addEventListener("abort", hangUp);
        request.on("close", () => signal.removeEventListener("abort", hangUp));
        request.on("error", (error) => reject(systemError(error)));
        request.on("response", (answer) => {
          try {
            resolve(toResponse(answer));
          } catch (error) {
            reject(error);
            request.destroy();
          }
        });
        request.end(body);
      });
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** Statuses whose answers have no body. */
const EMPTY = [204, 205, 304];

function toResponse(answer: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText = "" } = answer;
  const headers = new Headers();
  answer.on("error", () => {}); // the reader of the body gets it
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    headers.append(answer.rawHeaders[at]!, answer.rawHeaders[at + 1]!);
  }
  if (EMPTY.includes(status)) answer.resume();
  const body = EMPTY.includes(status) ? null : bodyOf(answer);
  return new Response(body, { status, statusText, headers });
}

/** The body as a stream: no more of it is read than is asked for, and cancelling it hangs up. */
function bodyOf(answer: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = answer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array<ArrayBuffer>>;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(systemError(error));
      }
    },
    cancel() {
      answer.destroy();
    },
  }, { highWaterMark: 0 });
}
