// How a client that is tried here says what it got: one line of JSON for each feature, ["call", "HÉ😀"].

// Not a literal where it is used: these packages and their types are no concern of `deno check`.
export const npm = (name) => import(`npm:${name}`);

/** Runs the features one after another and prints what each gives. */
export async function show(features) {
  for (const [feature, run] of Object.entries(features)) {
    console.log(JSON.stringify([feature, (await run()) ?? null]));
  }
}

/** Calls `upper` a hundred times without waiting. */
export const hundred = (call) =>
  Promise.all(Array.from({ length: 100 }, (_, n) => call("upper", [`n${n}`])));

/** The error that a call fails with. */
export const failure = (call) =>
  call.then((result) => Promise.reject(new Error(`Not an error: ${result}`)), (error) => error);
