// The sentences for an error where they are not installed: a page or a Worker loads them when it has something to explain.
import { type ErrorProse, loaded, type TunnelError } from './errors.js'

/** What happened and what to try, a sentence each. */
export async function explain(error: TunnelError): Promise<ErrorProse[keyof ErrorProse]> {
  const { errorProse } = await loaded(import('./error-prose.js'))
  const { what, hint } = errorProse[error.code]
  return { what, hint: error.hint === '' ? hint : error.hint }
}
