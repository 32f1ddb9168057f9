// What a fuzz target is, and what it may not do: crash, hang, take more memory than its bound, or raise anything but a
// named error. Targets are in `targets/`, one a file; `run.ts` drives them.
import type { Arbitrary } from 'fast-check'
import { TunnelError } from '../../src/errors.js'

/** A value that survives JSON, bytes included: an input that failed is kept as a seed. */
export type Input = unknown

export interface Prepared<I = Input> {
  readonly input: Arbitrary<I>
  /** Milliseconds of processor time that one execution may take; a second unless a passphrase is paid for. */
  readonly allowance?: number
  /** One execution. Throws what is wrong; `Violation` where a property does not hold. */
  execute(input: I): void | Promise<void>
  close?(): Promise<void> | void
}

export interface Target {
  readonly name: string
  /** One line for the report. */
  readonly what: string
  /** Makes certificates, servers and whatever else an execution needs; not counted as one. */
  prepare(): Promise<Prepared<never>> | Prepared<never>
}

/** `prepare` with its types, which nobody outside of the target needs. */
export function target<I>(
  name: string,
  what: string,
  prepare: () => Promise<Prepared<I>> | Prepared<I>,
): Target {
  return { name, what, prepare: prepare as unknown as Target['prepare'] }
}

/** A property that does not hold. */
export class Violation extends Error {}

export function must(held: boolean, what: string): asserts held {
  if (!held) throw new Violation(what)
}

/** What an action gave: a value, or an error by its name. Everything else it may throw is a finding. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: TunnelError }

export function outcome<T>(action: () => T): Outcome<T> {
  try {
    return { value: action() }
  } catch (thrown) {
    return { error: named(thrown) }
  }
}

export async function outcomeOf<T>(action: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await action() }
  } catch (thrown) {
    return { error: named(thrown) }
  }
}

/** Passes a named error on; throws what is none. */
export function named(thrown: unknown): TunnelError {
  if (!(thrown instanceof TunnelError)) throw thrown
  must(thrown.code !== 'ERR_INTERNAL', `ERR_INTERNAL: ${thrown.detail ?? thrown.message}`)
  return thrown
}
