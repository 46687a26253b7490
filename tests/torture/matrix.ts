/** stub @module */
export function list(): string {
  return "";
}
