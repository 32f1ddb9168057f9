// The same with a scripted client of TLS 1.2.
import { afterAll, beforeAll, describe, it } from 'vitest'
import { closeAll } from '../../unit/gateway/clients.js'
import { expectFault, expectServed } from './expected.js'
import {
  type ClientFault12,
  flightFaults12,
  helloFaults12,
  lastFaults12,
  openFaults12,
  tolerated12,
} from './faults12.js'
import { createWorld, type World } from './stage.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await closeAll()
  await world.close()
})

describe.each<[string, readonly ClientFault12[]]>([
  ['ClientHello', helloFaults12],
  ['the flight', flightFaults12],
  ['the last word', lastFaults12],
  ['an open tunnel', openFaults12],
])('%s', (_, faults) => {
  it.each(faults)('$what', async ({ script = {}, act, encrypted = false, ...expected }) => {
    const made = typeof script === 'function' ? await script(world) : script
    const outcome = await world.watch(() => world.meet12(made, act))
    await expectFault(world, outcome, { ...expected, encrypted })
  })
})

describe('no harm', () => {
  it.each(tolerated12)('$what', async ({ script = {}, act }) => {
    await expectServed(world, await world.watch(() => world.meet12(script, act)))
  })
})
