// Whatever a server says, the client answers with an error that has a name and an alert that fits it, or goes on: messages
// changed at random, with a seed so that a failure can be had again.
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, concat, equal } from '../../src/bytes/index.js'
import { alertFor, TunnelError } from '../../src/errors.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { createWorld, type ServerMessageName, type World } from '../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

/** A small generator of numbers below a bound, the same for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Flip, insert, remove, repeat or cut somewhere. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const at = random(bytes.length)
  switch (random(6)) {
    case 0:
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << random(8)) : byte))
    case 1:
      return bytes.map((byte, i) => (i === at ? random(256) : byte))
    case 2:
      return concat(bytes.subarray(0, at), new Uint8Array([random(256)]), bytes.subarray(at))
    case 3:
      return concat(bytes.subarray(0, at), bytes.subarray(at + 1 + random(4)))
    case 4:
      return concat(bytes, bytes.subarray(at))
    default:
      return bytes.subarray(0, at)
  }
}

/** The length in the header made to fit the body, so that the parser behind it is reached. */
function framed(bytes: Uint8Array): Bytes {
  const copy = new Uint8Array(bytes)
  const length = copy.length - 4
  if (length >= 0) copy.set([length >> 16, length >> 8, length & 255], 1)
  return copy
}

const targets: readonly ServerMessageName[] = [
  'server_hello',
  'hello_retry_request',
  'encrypted_extensions',
  'certificate_request',
  'certificate',
  'certificate_verify',
  'finished',
]

const proofs = new Set<ServerMessageName>(['certificate', 'certificate_verify', 'finished'])

describe('a message changed at random', () => {
  it.each(targets)('%s', async (target) => {
    const random = generator(20260822 + target.length)
    const identity = await world.client()
    for (let round = 0; round < 120; round++) {
      let changed = false
      const { error, server, info, deaf } = await world.meet(
        {
          alpn: 'a',
          request: {},
          ...(target === 'hello_retry_request' ? { retry: { group: 24, cookie: new Uint8Array(9) } } : {}),
          edit: (name, message) => {
            if (name !== target) return [message]
            const mutated = mutate(message.bytes, random)
            const bytes = round % 2 === 0 ? framed(mutated) : mutated
            changed = !equal(bytes, message.bytes)
            return [{ type: message.type, bytes }]
          },
        },
        { alpn: ['a'], identity },
        { chunk: 1 + random(2000), tolerant: true },
      )
      // A changed hello, key share or list of schemes can leave a server that does not understand our answer.
      if (deaf !== undefined)
        expect(['server_hello', 'hello_retry_request', 'certificate_request']).toContain(target)
      // What proves the server bears no change at all.
      if (proofs.has(target)) expect(info === undefined || !changed).toBe(true)
      // A change that changes nothing, or one that more bytes were to follow.
      if (error === undefined) continue
      expect(info).toBeUndefined()
      expect(error).toBeInstanceOf(TunnelError)
      expect(error.code).toMatch(/^ERR_(TLS|CERT)_/)
      if (deaf === undefined) expect(server.alerts.map(({ name }) => name)).toEqual([alertFor(error)])
    }
  })
})
