// How the options of parseArgs() give its result a type. Names with dots are objects within objects at
// run time only: here a name is taken as it stands.

/** @internal */
type Booleans = boolean | string | undefined;
/** @internal */
type Names = string | undefined;
/** @internal */
type Defaults = Record<string, unknown> | undefined;
/** @internal */
type Aliases = Partial<Record<string, string | ReadonlyArray<string>>>;
/** @internal */
type OneOrMany<T> = T | ReadonlyArray<Extract<T, string>>;

/**
 * One object type in place of an intersection, as an editor should show it.
 *
 * @internal
 */
type Flat<T> = { [K in keyof T]: T[K] };

/** The value of one flag: `false` beside its own type if it can be negated, an array if collected. */
type Value<K, B, S, C, N> =
  | (K extends S ? K extends C ? string[] : string
    : K extends B ? K extends C ? boolean[] : boolean
    : unknown[])
  | (K extends Exclude<N, B> ? false : never);

/** All flags named in the options: booleans and collected ones are always there, strings may be. */
type Flags<B, S, C, N> =
  & { [K in Extract<B | C, string>]: Value<K, B, S, C, N> }
  & { [K in Exclude<Extract<S, string>, B | C>]?: Value<K, B, S, C, N> };

type WithDefaults<F, D> = D extends undefined ? F
  :
    & { [K in keyof F as K extends keyof D ? never : K]: F[K] }
    & { [K in keyof D]: K extends keyof F ? D[K] | NonNullable<F[K]> : unknown };

type WithAliases<F, A> = { [K in keyof F as K | AliasesOf<K, A>]: F[K] };

type AliasesOf<K, A> = K extends keyof A
  ? A[K] extends string ? A[K] : A[K] extends ReadonlyArray<string> ? A[K][number] : never
  : never;

/**
 * What the options say of the result; everything is `any` if they name no flag.
 *
 * @internal
 */
export type Values<
  B extends Booleans,
  S extends Names,
  C extends Names,
  N extends Names,
  D extends Defaults,
  A extends Aliases | undefined,
> = [false extends B ? undefined : B, S, C] extends [undefined, undefined, undefined]
  // deno-lint-ignore no-explicit-any
  ? Record<string, any>
  : Record<string, unknown> & WithAliases<WithDefaults<Flags<B, S, C, N>, D>, A>;

/** @internal */
type DoubleDash<D> = boolean extends D ? { "--"?: string[] }
  : true extends D ? { "--": string[] }
  : unknown;

/** What {@linkcode parseArgs} gives: a property for each flag, and the other arguments in `_`. */
export type Args<
  // deno-lint-ignore no-explicit-any
  TArgs extends Record<string, unknown> = Record<string, any>,
  TDoubleDash extends boolean | undefined = undefined,
> = Flat<TArgs & { _: Array<string | number> } & DoubleDash<TDoubleDash>>;

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  TBooleans extends Booleans = Booleans,
  TStrings extends Names = Names,
  TCollectable extends Names = Names,
  TNegatable extends Names = Names,
  TDefault extends Defaults = Defaults,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /**
   * Whether what follows `--` goes to the result's `"--"` instead of its `_`.
   *
   * @default {false}
   */
  "--"?: TDoubleDash;
  /**
   * Other names of flags.
   *
   * @default {{}}
   */
  alias?: TAliases;
  /**
   * The flags that take no value, or `true` for all that are written with two hyphens and no `=`.
   * They are `false` when they are not given.
   *
   * @default {false}
   */
  boolean?: OneOrMany<TBooleans>;
  /**
   * Values of flags that are not given.
   *
   * @default {{}}
   */
  default?: TDefault;
  /**
   * Whether the first argument that is no flag ends the flags.
   *
   * @default {false}
   */
  stopEarly?: boolean;
  /**
   * The flags whose values stay strings, even if they look like numbers; `"_"` for the arguments that
   * are no flags.
   *
   * @default {[]}
   */
  string?: OneOrMany<TStrings>;
  /**
   * The flags that may be given more than once and whose values make an array.
   *
   * @default {[]}
   */
  collect?: OneOrMany<TCollectable>;
  /**
   * The flags that `--no-NAME` sets to `false`.
   *
   * @default {[]}
   */
  negatable?: OneOrMany<TNegatable>;
  /**
   * Called with each argument that no option names; what it answers with `false` is left out.
   *
   * @default {(arg) => arg}
   */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
