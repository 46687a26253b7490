/**
 * What is measured, and a method that tells which thread serves it.
 *
 * @module
 */

import { threadId } from "node:worker_threads";
import { method } from "../lib/mod.ts";
import { api as measured } from "./api.ts";

export const api = { ...measured, thread: method(() => threadId) };
