// ECDSA signatures between their two encodings: DER (RFC 3279 §2.2.3) on the wire, r || s (IEEE P1363) in WebCrypto.
import type { Bytes } from '../bytes/index.js'
import { der, element, tags } from '../der/index.js'
import { attempt, readPositive, writePositive } from './key-encoding.js'
import type { CurveName } from './provider.js'
import { curveLengths } from './signatures.js'

/** r || s, each of the curve's length, or undefined when the DER is not the one encoding of two such numbers. */
export function ecdsaSignatureFromDer(signature: Uint8Array, curve: CurveName): Bytes | undefined {
  return attempt(() => {
    const size = curveLengths[curve]
    const sequence = der(signature, 'ERR_CRYPTO_KEY').inside(tags.sequence)
    const joined = new Uint8Array(2 * size)
    for (const end of [size, 2 * size]) {
      const number = readPositive(sequence)
      // Zero is no part of a signature.
      if (number.length === 0 || number.length > size) return undefined
      joined.set(number, end - number.length)
    }
    sequence.end()
    return joined
  })
}

/** The DER of r || s. */
export function ecdsaSignatureToDer(joined: Uint8Array): Bytes {
  const size = joined.length / 2
  return element(
    tags.sequence,
    ...[joined.subarray(0, size), joined.subarray(size)].map((half) => {
      const first = half.findIndex((octet) => octet !== 0)
      return writePositive(half.subarray(first < 0 ? size - 1 : first))
    }),
  )
}
