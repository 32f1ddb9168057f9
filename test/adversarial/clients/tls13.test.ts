// A scripted client of TLS 1.3 breaks one rule at a time at a running gateway: the alert it gets, the code that is told, logged
// and counted, what reaches the service, and that an honest client is served right after.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeAll } from '../../unit/gateway/clients.js'
import { certificateFaults, finishedFaults, proofFaults, resumptionFaults } from './certificate-faults.js'
import { expectFault, expectServed } from './expected.js'
import type { ClientFault } from './fault.js'
import {
  firstRecordFaults,
  formFaults,
  nameFaults,
  retryFaults,
  shareFaults,
  versionFaults,
} from './hello-faults.js'
import { handshakeRecordFaults, openFaults } from './record-faults.js'
import { createWorld, type World } from './stage.js'
import { tolerated } from './tolerated.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await closeAll()
  await world.close()
})

describe.each<[string, readonly ClientFault[]]>([
  ['versions', versionFaults],
  ['the form of ClientHello', formFaults],
  ['names', nameFaults],
  ['key shares', shareFaults],
  ['the second ClientHello', retryFaults],
  ['the first record', firstRecordFaults],
  ['certificates', certificateFaults],
  ['proofs', proofFaults],
  ['Finished', finishedFaults],
  ['resumption', resumptionFaults],
  ['records in the handshake', handshakeRecordFaults],
  ['an open tunnel', openFaults],
])('%s', (_, faults) => {
  it.each(faults)('$what', async ({ script = {}, act, clear, ...expected }) => {
    const made = typeof script === 'function' ? await script(world) : script
    const outcome = await world.watch(() => world.meet(made, act))
    await expectFault(world, outcome, { ...expected, encrypted: clear !== true })
  })
})

describe('no harm', () => {
  it.each(tolerated)('$what', async ({ script = {}, act }) => {
    const made = typeof script === 'function' ? await script(world) : script
    await expectServed(world, await world.watch(() => world.meet(made, act)))
  })
})

it.each(['alpn', 'websocket'] as const)('over %s the alerts are the same', async (way) => {
  for (const { script = {}, act, clear, ...expected } of [...certificateFaults, ...openFaults].filter(
    ({ what }) => !/FIN|RST/.test(what),
  )) {
    const made = typeof script === 'function' ? await script(world) : script
    const outcome = await world.watch(() => world.meet(made, act, way))
    await expectFault(world, outcome, { ...expected, encrypted: clear !== true })
  }
})

it('a client that leaves right after Finished is no clean end at the service', async () => {
  for (let i = 0; i < 20; i++) {
    const outcome = await world.watch(() => world.meet({ hangUpAfter: 'finished' }))
    expect(outcome.told).toEqual(['ERR_TLS_TRUNCATED'])
    for (const connection of outcome.service) expect(connection).toEqual({ bytes: '', end: 'cut' })
  }
})
