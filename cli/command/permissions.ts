/**
 * What the programs may do without a prompt: they never ask the user for what they can do without.
 *
 * @module
 */

/** Whether a permission was given. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** A variable of the environment; undefined if it is not there, is empty, or may not be read. */
export function variable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? Deno.env.get(name) || undefined : undefined;
}
