// A ClientHello taken to pieces and put together again, right or wrong: every field and every extension of it can be changed
// before it is said. RFC 8446 §4.1.2.
import { type Bytes, concat, Reader, Writer } from '../../../src/bytes/index.js'
import type { Extra } from '../../support/tls-server/server.js'

export interface HelloParts {
  readonly version: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  /** As they are written, without their length. */
  readonly suites: Uint8Array
  readonly compressions: Uint8Array
  readonly extensions: Extra
}

export function splitHello(message: Uint8Array): HelloParts {
  const r = new Reader(message.subarray(4), 'ERR_TLS_DECODE')
  const version = r.u16()
  const random = r.copy(32)
  const [sessionId, suites, compressions] = [r.vector(1).rest(), r.vector(2).rest(), r.vector(1).rest()]
  const block = r.vector(2)
  const extensions: [number, Uint8Array][] = []
  while (block.remaining > 0) extensions.push([block.u16(), block.vector(2).rest()])
  return { version, random, sessionId, suites, compressions, extensions }
}

export function joinHello({
  version,
  random,
  sessionId,
  suites,
  compressions,
  extensions,
}: HelloParts): Bytes {
  const w = new Writer(512).u8(1)
  w.vector(3, () => {
    w.u16(version).bytes(random)
    w.vector(1, () => w.bytes(sessionId))
    w.vector(2, () => w.bytes(suites))
    w.vector(1, () => w.bytes(compressions))
    w.vector(2, () => {
      for (const [type, body] of extensions) w.u16(type).vector(2, () => w.bytes(body))
    })
  })
  return w.finish()
}

/** The hello with the body of an extension changed, or the extension left out. */
export function extension(
  hello: HelloParts,
  type: number,
  change: (body: Uint8Array) => Uint8Array | undefined,
): HelloParts {
  const extensions = hello.extensions.flatMap(([each, body]) => {
    if (each !== type) return [[each, body] as const]
    const changed = change(body)
    return changed === undefined ? [] : [[each, changed] as const]
  })
  return { ...hello, extensions }
}

/** The hello with an extension more. */
export function further(hello: HelloParts, type: number, body: Uint8Array): HelloParts {
  return { ...hello, extensions: [...hello.extensions, [type, body]] }
}

/** KeyShareClientHello. RFC 8446 §4.2.8. */
export function shares(...entries: readonly (readonly [group: number, key: Uint8Array])[]): Bytes {
  const w = new Writer()
  w.vector(2, () => {
    for (const [group, key] of entries) w.u16(group).vector(2, () => w.bytes(key))
  })
  return w.finish()
}

/** A list of 16-bit values behind a length of `prefix` bytes. */
export function ids(prefix: 0 | 1 | 2, ...values: readonly number[]): Bytes {
  const list = concat(...values.map((value) => Uint8Array.of(value >> 8, value & 255)))
  const { length } = list
  if (prefix === 0) return list
  return concat(prefix === 1 ? Uint8Array.of(length) : Uint8Array.of(length >> 8, length & 255), list)
}
