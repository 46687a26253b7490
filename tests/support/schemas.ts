// Schemas that need no library.

import type { StandardSchema } from "@landline/rpc";

/** Takes every value, and gives it as it came. */
export const ANYTHING: StandardSchema = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) },
};
