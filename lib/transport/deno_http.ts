/**
 * Requests of HTTP by Deno's `fetch`.
 *
 * @module
 */

import type { HttpClient, HttpCredentials } from "./system.ts";

/** What makes requests with these certificates. */
export function denoHttp({ ca, cert, key }: HttpCredentials): HttpClient {
  const client = Deno.createHttpClient({
    ...(ca !== undefined && { caCerts: [ca] }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  });
  return {
    request(url, { method, headers, body, signal }) {
      // A variable: in a project with the types of browsers a request has no client.
      const request = {
        method,
        headers,
        // Deno sends a body of bytes again if a kept connection ends before the answer: a call would run twice.
        ...(body !== undefined && { body: new Blob([body]) }),
        redirect: "manual", // after most of them the method would be GET
        client,
        signal,
      } as const;
      return fetch(url, request);
    },
    close: () => client.close(),
  };
}
