// Two types are the same, or the checker says so. Nothing here runs.

/** `true` where the two types are the same in every respect, `any` and `readonly` included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Does not compile unless it is given `true`: `same<Equal<A, B>>()`. */
export function same<_ extends true>(): void {}

/** A value of this type, for the checker alone. */
export function of<T>(): T {
  throw new Error("Types are checked, not run");
}
