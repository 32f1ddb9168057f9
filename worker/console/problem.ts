// What went wrong, for people: code, whose fault, what happened and what to try. From the library's errors, from the
// Worker's refusals and from the database; anything else is a fault of this page and says so.
import { explain, TunnelError } from './library.js'

export interface Problem {
  readonly code: string
  /** Who can mend it. */
  readonly blame: string
  readonly what: string
  readonly hint: string
  /** Where on the way; decides where the picture breaks. */
  readonly phase: string
  readonly detail?: string
}

/** The Worker's answer when it does not let the page pass. */
export class Refused extends Error {
  readonly code: string
  readonly hint: string
  readonly status: number

  constructor(
    status: number,
    given: { readonly code: string; readonly message: string; readonly hint: string },
  ) {
    super(given.message)
    this.status = status
    this.code = given.code
    this.hint = given.hint
  }
}

export async function problemOf(thrown: unknown): Promise<Problem> {
  if (thrown instanceof TunnelError) {
    const { what, hint } = await explain(thrown)
    const { code, blame, phase, message } = thrown
    return { code, blame: blames[blame] ?? blame, what, hint, phase, detail: detailOf(message, code, what) }
  }
  if (thrown instanceof Refused) {
    const ours = /UPSTREAM|KEYS|INTERNAL|POLICY/.test(thrown.code)
    return {
      code: thrown.code,
      blame: ours ? 'the Worker, or what is behind it' : 'what you gave, or what the Worker allows',
      what: thrown.message,
      hint: thrown.hint,
      phase: ours ? 'upgrade' : 'ticket',
      detail: `HTTP ${thrown.status}`,
    }
  }
  // The PostgreSQL client's own words for an end that nobody announced.
  if (thrown instanceof Error && /^Connection terminated/.test(thrown.message))
    return {
      code: 'ERR_CONSOLE_ENDED',
      blame: 'the service',
      what: 'The service ended the connection.',
      hint: 'The tunnel itself was whole: the log of the service says why. Connect again.',
      phase: 'service',
    }
  return {
    code: 'ERR_CONSOLE',
    blame: 'this page',
    what: 'The console failed.',
    hint: 'Load the page again; if it comes back, the detail below belongs in a bug report.',
    phase: 'config',
    detail: thrown instanceof Error ? thrown.message : String(thrown),
  }
}

const blames: Readonly<Record<string, string>> = {
  config: 'what you gave',
  caller: 'what you did',
  peer: 'the server, or the load balancer',
  network: 'the network between',
  us: 'Underpass: a bug',
}

/** The message without what is already said. */
function detailOf(message: string, code: string, what: string): string {
  return message
    .replace(code, '')
    .replace(what, '')
    .replace(/^[\s:.]+/, '')
    .trim()
}
