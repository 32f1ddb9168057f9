// The DER cursor: whatever it accepts, its writer writes again to the byte.
import fc from 'fast-check'
import { equal } from '../../../src/bytes/index.js'
import { type Der, der, element } from '../../../src/der/index.js'
import { mutated } from '../bytes.js'
import { mutatedDer } from '../der-tree.js'
import { material } from '../material.js'
import { must, outcome, type Target, target } from '../target.js'

export const derTarget: Target = target('der', 'DER cursor and writer', async () => {
  const { certificates } = await material()
  return {
    input: fc.oneof(mutated(certificates), mutatedDer(certificates)),
    execute(bytes: Uint8Array) {
      const { value } = outcome(() => walk(der(bytes), { left: 60 }))
      if (value !== undefined) must(equal(value, bytes), 'DER that was read is not written the same')
    },
  }
})

/** Everything there is to read, written anew. */
function walk(cursor: Der, reads: { left: number }): Uint8Array {
  const parts: Uint8Array[] = []
  while (cursor.more) {
    const found = cursor.next()
    // Every error costs a stack trace.
    if (reads.left-- > 0) read(found)
    const inner = (found.tag & 0x20) !== 0 ? outcome(() => walk(found, reads)).value : undefined
    parts.push(element(found.tag, inner ?? found.content))
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** Every reading of an element ends in a value or in a named error. */
function read(found: Der): void {
  outcome(() => found.minimal())
  outcome(() => found.number())
  outcome(() => found.nested(found.content).oid())
  outcome(() => found.bitString(true))
  outcome(() => found.nested(found.content).boolean())
  outcome(() => found.nested(found.content).inside(0x30))
}
