/**
 * How a server and its services are: the statuses of gRPC's health protocol, `grpc.health.v1`.
 *
 * @module
 */

import { RpcError } from "../error.ts";

/** The statuses of `grpc.health.v1`. */
export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

/** The statuses of a server's services; the empty name is the server itself. */
export interface Health {
  /** Says how a service is; the empty name is the server itself. */
  set(service: string, status: HealthStatus): void;
  /**
   * How a service is; of the server itself also how many handlers go on although their calls have ended,
   * if any do. Where these are as many as may be (the limit `maxHung`), it is `NOT_SERVING`.
   *
   * @throws {RpcError} `NOT_FOUND` for a service of which nothing was said
   */
  check(service: string): { status: HealthStatus; hung?: number };
  /**
   * How a service is, now and whenever that changes, until the signal aborts or the server drains:
   * then nothing changes any more, and who watches must not hold up the end.
   */
  watch(service: string, signal: AbortSignal): AsyncGenerator<{ status: HealthStatus }>;
}

/** What a server tells of itself. It alone drains: a user cannot stop it by accident. */
export class ServerHealth implements Health {
  readonly #statuses = new Map<string, HealthStatus>([["", "SERVING"]]);
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();
  #isDraining = false;
  readonly #hung: () => number;
  readonly #maxHung: number;

  /** @param hung how many handlers go on although their calls have ended, of so many that may */
  constructor(hung: () => number = () => 0, maxHung = Infinity) {
    this.#hung = hung;
    this.#maxHung = maxHung;
  }

  set(service: string, status: HealthStatus): void {
    this.#statuses.set(service, status);
    this.#tell();
  }

  /** Nothing is served any more, whatever was said before. */
  drain(): void {
    this.#isDraining = true;
    this.#tell();
  }

  check(service: string): { status: HealthStatus; hung?: number } {
    const status = this.#status(service), hung = service === "" ? this.#hung() : 0;
    if (status === "SERVICE_UNKNOWN") {
      throw new RpcError("NOT_FOUND", `No service has the name ${JSON.stringify(service)}`);
    }
    if (hung === 0) return { status };
    return { status: hung < this.#maxHung ? status : "NOT_SERVING", hung };
  }

  async *watch(service: string, signal: AbortSignal): AsyncGenerator<{ status: HealthStatus }> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    let last: HealthStatus | undefined;
    while (!signal.aborted) {
      const status = this.#status(service);
      const changed = this.#changed.promise;
      const isFinal = this.#isDraining;
      if (status !== last) yield { status: last = status };
      if (isFinal) return;
      await Promise.race([changed, aborted]);
    }
  }

  #status(service: string): HealthStatus {
    const status = this.#statuses.get(service) ?? "SERVICE_UNKNOWN";
    return this.#isDraining && status !== "SERVICE_UNKNOWN" ? "NOT_SERVING" : status;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
