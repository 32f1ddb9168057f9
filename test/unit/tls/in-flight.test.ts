// What a provider that works in other threads is asked at the same time, and what may be asked of whom before the server has
// proven who it is. Its answers come in rounds: all that is under way when nobody can go on is answered together, so the
// number of rounds is how many calls wait for one another.
import { setImmediate as turn } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CryptoProvider, Signer } from '../../../src/crypto/provider.js'
import type { SubtleLike } from '../../../src/crypto/subtle.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { type Identity, loadIdentity } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { createWorld, type World } from '../../support/tls-server/index.js'

interface InRounds {
  readonly crypto: CryptoProvider
  readonly rounds: string[][]
}

/** WebCrypto, answering in rounds; each is told as the names of what it answered. */
function inRounds(): InRounds {
  const rounds: string[][] = []
  let waiting: { readonly name: string; readonly done: Promise<unknown>; readonly tell: () => void }[] = []
  let running = false
  async function run(): Promise<void> {
    running = true
    for (let known = -1; known !== waiting.length; ) {
      known = waiting.length
      await Promise.allSettled(waiting.map(({ done }) => done))
      await turn()
    }
    const answered = waiting
    waiting = []
    running = false
    rounds.push(answered.map(({ name }) => name))
    for (const { tell } of answered) tell()
  }
  const subtle = new Proxy(globalThis.crypto.subtle as unknown as SubtleLike, {
    get(target, name: string) {
      const member = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>
      if (typeof member !== 'function' || name === 'constructor') return member
      return (...given: unknown[]) => {
        const done = member.apply(target, given)
        const told = new Promise<void>((tell) => waiting.push({ name, done, tell }))
        if (!running) void run()
        return told.then(() => done)
      }
    },
  })
  const getRandomValues = (bytes: Uint8Array<ArrayBuffer>) => globalThis.crypto.getRandomValues(bytes)
  return { crypto: webcrypto({ subtle, getRandomValues }), rounds }
}

let world: World
let own: { readonly certificate: string; readonly privateKey: string }
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
  const { chain, privateKey } = await world.authority.issue({ usage: 'client', commonName: 'client' })
  own = { certificate: chain, privateKey }
})

/** The same identity, and whether its key was asked to sign. */
function watched(identity: Identity): { readonly identity: Identity; readonly asked: () => boolean } {
  let asked = false
  const signer: Signer = {
    ...identity.signer,
    sign: (algorithm, data) => {
      asked = true
      return identity.signer.sign(algorithm, data)
    },
  }
  return { identity: { ...identity, signer }, asked: () => asked }
}

describe('a handshake with WebCrypto', () => {
  it('waits six times from ServerHello to Finished, both sides with certificates', async () => {
    const { crypto, rounds } = inRounds()
    const identity = await loadIdentity(own, crypto)
    const meet = () => world.meet({ request: {} }, { crypto, identity })
    // The first one loads code, and verifies certificates that the second one knows.
    expect((await meet()).error).toBeUndefined()
    rounds.length = 0
    const { server, error } = await meet()
    expect(error).toBeUndefined()
    expect(server.finished).toBe(true)
    const derived = rounds.findIndex((round) => round.includes('deriveBits'))
    const sealed = rounds.findIndex((round) => round.includes('encrypt'))
    const told = JSON.stringify(rounds)
    expect(rounds[derived - 1], told).toContain('importKey')
    expect(sealed - derived + 2, told).toBeLessThanOrEqual(6)
  })

  it('signs while the server is being verified', async () => {
    const { crypto, rounds } = inRounds()
    const identity = await loadIdentity(own, crypto)
    const meet = () => world.meet({ request: {} }, { crypto, identity })
    await meet()
    rounds.length = 0
    await meet()
    const verified = rounds.findIndex((round) => round.includes('verify'))
    expect(
      rounds.findIndex((round) => round.includes('sign')),
      JSON.stringify(rounds),
    ).toBeLessThanOrEqual(verified)
  })
})

describe('a server that does not hold its key', () => {
  const impostor = async () => ({ request: {}, signer: (await world.client()).signer })

  it('learns nothing of what was signed meanwhile', async () => {
    const { crypto, rounds } = inRounds()
    const identity = await loadIdentity(own, crypto)
    const { error, sent, server } = await world.meet(await impostor(), { crypto, identity })
    expect(error?.code).toBe('ERR_TLS_SIGNATURE')
    expect(rounds.flat()).toContain('sign')
    expect(server.clientChain).toBeUndefined()
    expect(server.alerts).toMatchObject([{ name: 'decrypt_error' }])
    // ClientHello and the alert; the certificate alone is longer.
    expect(sent).toHaveLength(2)
    expect(sent[1]!.length).toBeLessThan(64)
  })

  it.each(['WebCrypto', 'Node'])('has nothing signed by a signer of somebody else: %s', async (name) => {
    const crypto = name === 'Node' ? nodeCrypto : inRounds().crypto
    const { identity, asked } = watched(await loadIdentity(own, crypto))
    const { error } = await world.meet(await impostor(), { crypto, identity })
    expect(error?.code).toBe('ERR_TLS_SIGNATURE')
    expect(asked()).toBe(false)
    expect((await world.meet({ request: {} }, { crypto, identity })).server.finished).toBe(true)
    expect(asked()).toBe(true)
  })

  it('is told so, and not that its Finished is wrong as well', async () => {
    const script = await impostor()
    for (const crypto of [inRounds().crypto, nodeCrypto]) {
      const { error } = await world.meet(
        {
          ...script,
          edit: (message, m) =>
            message === 'finished' ? [{ type: m.type, bytes: m.bytes.slice().fill(0, 4) }] : [m],
        },
        { crypto },
      )
      expect(error?.code).toBe('ERR_TLS_SIGNATURE')
    }
  })

  it('is found out although it says no more', async () => {
    const script = await impostor()
    for (const crypto of [inRounds().crypto, nodeCrypto]) {
      const { error } = await world.meet(
        { ...script, edit: (message, m) => (message === 'finished' ? [] : [m]) },
        { crypto },
      )
      expect(error?.code).toBe('ERR_TLS_SIGNATURE')
    }
  })
})
