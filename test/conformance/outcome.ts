// How a call ended, by its code: what the suites assert.
import { TunnelError } from '../../src/errors.js'

/** The code of the error that the call ends with, or `fulfilled`. Any other error is rethrown. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof TunnelError) return error.code
    throw error
  }
  return 'fulfilled'
}
