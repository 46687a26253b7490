// Work that a row of seeds decides, spread over threads: `deno task simulate` and `deno task fuzz`.

/** The work of a thread: what came of so many seeds from the first one on. */
export type Work<T> = (first: number, count: number) => T | Promise<T>;

/** What a worker sees of the thread that started it; the types know of a window here. */
interface Port {
  onmessage: (event: MessageEvent<[first: number, count: number]>) => void;
  postMessage(message: unknown): void;
}

/** Has a worker do this work, once. */
export function doWork<T>(work: Work<T>): void {
  const port = globalThis as unknown as Port;
  port.onmessage = async ({ data: [first, count] }) => port.postMessage(await work(first, count));
}

/** Has workers do it, so many at a time; each gets its part of the seeds. */
export function spread<T>(
  module: URL,
  first: number,
  count: number,
  threads: number,
): Promise<T[]> {
  const share = Math.ceil(count / threads), parts: Promise<T>[] = [];
  for (let from = first; from < first + count; from += share) {
    parts.push(part(module, from, Math.min(share, first + count - from)));
  }
  return Promise.all(parts);
}

function part<T>(module: URL, first: number, count: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(module, { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => {
      worker.terminate();
      resolve(data);
    };
    worker.postMessage([first, count]);
  });
}

/** A flag's value that counts something. */
export function toCount(name: string, text: string, min: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= min && value < 2 ** 32) return value;
  throw new RangeError(`Cannot use --${name}: it must be an integer from ${min}, it is ${text}`);
}

/** Runs a program, whose outcome is its exit code; what it throws is told in one line. */
export async function runMain(main: (args: string[]) => Promise<number>): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exitCode = 2;
  }
}
