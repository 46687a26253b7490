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
   * How a service is.
   *
   * @throws {RpcError} `NOT_FOUND` for a service of which nothing was said
   */
  check(service: string): { status: HealthStatus };
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

  set(service: string, status: HealthStatus): void {
    this.#statuses.set(service, status);
    this.#tell();
  }

  /** Nothing is served any more, whatever was said before. */
  drain(): void {
    this.#isDraining = true;
    this.#tell();
  }

  check(service: string): { status: HealthStatus } {
    const status = this.#status(service);
    if (status === "SERVICE_UNKNOWN") {
      throw new RpcError("NOT_FOUND", `No service has the name ${JSON.stringify(service)}`);
    }
    return { status };
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
