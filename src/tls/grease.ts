// Values that mean nothing, for who asks for them: loaded then. RFC 8701.
import type { Grease } from './messages/client-hello.js'

/** RFC 8701 §2: a value of the form 0x?a?a for each list, the two extensions different. `random` has five bytes. */
export function chooseGrease(random: Uint8Array): Grease {
  const [suite, group, version, first, last] = Array.from(
    random,
    (byte) => 0x0a0a + 0x1010 * (byte & 15),
  ) as [number, number, number, number, number]
  const other = first === last ? 0x0a0a + ((last - 0x0a0a + 0x1010) % 0x10100) : last
  return { suite, group, version, extensions: [first, other] }
}
