// A server that breaks the handshake, one rule at a time: for each the code that the user sees and the alert that the
// server gets. RFC 8446 §4, §6.2.
import { beforeAll, describe, expect, it } from 'vitest'
import { latin1 } from '../../src/bytes/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { createWorld, type World } from '../support/tls-server/index.js'
import {
  certificateFaults,
  encryptedFaults,
  type Fault,
  retryFaults,
  serverHelloFaults,
} from './handshake-faults.js'

let world: World
let stranger: World
beforeAll(async () => {
  ;[world, stranger] = await Promise.all([createWorld(nodeCrypto), createWorld(nodeCrypto)])
})

const p256 = 23
const p384 = 24

function check(fault: Fault): Promise<void> {
  return run(fault, Number.POSITIVE_INFINITY)
}

async function run({ script, options, code, alert, encrypted }: Fault, chunk: number): Promise<void> {
  const meeting = await world.meet(script, options, { chunk })
  expect(meeting.error?.code).toBe(code)
  expect(meeting.server.alerts).toEqual([{ name: alert, level: 2, encrypted: encrypted ?? true }])
  expect(meeting.info).toBeUndefined()
  expect(meeting.told).toEqual([])
  // Nothing more is accepted or sent.
  const sent = meeting.sent.length
  await meeting.end()
  expect(meeting.sent).toHaveLength(sent)
}

describe('ServerHello', () => {
  it.each(serverHelloFaults)('with $what', check)
  it('that is honest is accepted', async () => {
    const meeting = await world.meet({ serverHello: (fields) => fields })
    expect(meeting.error).toBeUndefined()
    expect(meeting.told).toEqual(['open'])
  })
})

describe('HelloRetryRequest', () => {
  it.each(retryFaults)('$what', check)
  it.each([
    ['a group', { group: p256 }],
    ['a cookie', { cookie: latin1('a cookie') }],
    ['both', { group: p384, cookie: new Uint8Array(1000) }],
  ])('with %s is followed', async (_, retry) => {
    const meeting = await world.meet({ retry })
    expect(meeting.error).toBeUndefined()
    expect(meeting.server.finished).toBe(true)
    const types = meeting.server.records.map(({ type }) => type)
    // RFC 8446 §D.4: the dummy record goes before the second hello, and only there.
    expect(types).toEqual(['handshake', 'change_cipher_spec', 'handshake', 'handshake'])
  })
})

describe('after ServerHello', () => {
  it.each(encryptedFaults)('$what', check)
  it.each([...serverHelloFaults, ...retryFaults, ...encryptedFaults])('byte by byte: $what', (fault) =>
    run(fault, 1),
  )
})

describe('certificates', () => {
  it.each(certificateFaults)('$what', async ({ make, ...fault }) => {
    const { script = {}, options = {} } = await make(world, stranger)
    await check({ ...fault, script, options: { trust: world.authority.certificate, ...options } })
  })
})
