// A part of the inputs, in a thread of its own.

import { doWork } from "../support/threads.ts";
import { fuzz } from "./_check.ts";

doWork(fuzz);
