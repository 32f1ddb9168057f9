// The extension block: a list of type and opaque content. RFC 8446 §4.2.
import type { Reader, Writer } from '../../bytes/index.js'
import { type ErrorCode, failure } from '../../errors.js'
import { extensionType, nameOf } from '../registry.js'
import { field } from './message.js'

export type ExtensionName = keyof typeof extensionType

/**
 * Read a block, each extension by `read` (which need not consume what it does not know). Returns the types seen.
 * `duplicate` is the code for a type that comes twice.
 */
export function readExtensions(
  r: Reader,
  read: (type: number, body: Reader) => void,
  duplicate: ErrorCode = 'ERR_TLS_ILLEGAL_PARAMETER',
): ReadonlySet<number> {
  const seen = new Set<number>()
  const block = r.vector(2)
  while (block.remaining > 0) {
    field(
      block,
      'extension',
      () => {
        const type = block.u16()
        const body = block.vector(2)
        // RFC 8446 §4.2: there MUST NOT be more than one extension of the same type in a block.
        if (seen.has(type)) throw failure(duplicate, `extension ${type} twice`)
        seen.add(type)
        const before = body.remaining
        read(type, body)
        if (body.remaining !== before) body.end('extension')
        return type
      },
      (type) => nameOf(extensionType, type),
    )
  }
  return seen
}

export function writeExtension(w: Writer, name: ExtensionName, body: () => void): void {
  w.span('extension', () => w.u16(extensionType[name]).vector(2, body), name)
}
