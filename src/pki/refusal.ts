// From what is wrong with a chain to the error that names the certificate and says so. Loaded when a chain is refused; what
// refuses it is decided before, and does not depend on this file.
import { failure, type TunnelError } from '../errors.js'
import { type GeneralName, generalNameKinds } from './general-names.js'
import { nameText, printable } from './name-text.js'
import type { Refusal } from './path.js'

/** The error with its subject in text, and what is said of it. */
export function explained({ code, detail, depth, of, about }: Refusal): TunnelError {
  const subject = nameText(of.subject)
  const said =
    typeof about === 'string'
      ? `${printable(about)} is not among ${presentedNames(of.altNames ?? [])}`
      : about === undefined
        ? detail
        : `${detail} ${nameText(about)}`
  return failure(code, said === undefined ? subject : `${subject}: ${said}`, { depth, subject })
}

/** The names a certificate was presented for: at most a dozen. */
export function presentedNames(presented: readonly GeneralName[]): string {
  const shown = presented
    .filter(({ kind }) => kind === generalNameKinds.dns || kind === generalNameKinds.ip)
    .map((name) => (name.kind === generalNameKinds.ip ? ipText(name.bytes) : printable(name.text)))
  if (shown.length === 0) return 'no names'
  return shown.length > 12
    ? `${shown.slice(0, 12).join(', ')} and ${shown.length - 12} more`
    : shown.join(', ')
}

function ipText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const parts: string[] = []
  for (let i = 0; i < 16; i += 2) parts.push(((octets[i]! << 8) | octets[i + 1]!).toString(16))
  return parts.join(':')
}
