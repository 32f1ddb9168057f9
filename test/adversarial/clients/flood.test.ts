// Key updates without end at a real gateway, by a client that reads none of the answers: what they may cost it is bounded.
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import { outer } from '../../unit/gateway/clients.js'
import { ScriptedClient } from './client.js'
import { createWorld, type World, word } from './stage.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

it('a client that floods key updates and does not read is ended', async () => {
  const { told, logged, counted, service, left, details } = await world.watch(async () => {
    const client = new ScriptedClient({ identity: world.alice })
    const stream = await outer('direct', world.ports)
    // A reset is what it asks for.
    stream.on('error', () => {})
    const gone = new Promise((resolve) => stream.once('close', resolve))
    await client.start()
    stream.write(client.take())
    for (let spoke = false; client.read().length === 0; ) {
      const [chunk] = (await once(stream, 'data')) as [Buffer]
      await client.receive(new Uint8Array(chunk))
      if (client.open && !spoke) {
        spoke = true
        client.send(latin1(word))
      }
      const out = client.take()
      if (out.length > 0) stream.write(out)
    }
    stream.pause()
    while (!stream.destroyed && stream.writable) {
      for (let i = 0; i < 500; i++) client.keyUpdate('update_requested')
      if (!stream.write(client.take()))
        await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), gone])
    }
    stream.destroy()
    await gone
  })
  expect({ told, logged, counted, left }).toEqual({
    told: ['ERR_GATEWAY_LIMIT'],
    logged: ['ERR_GATEWAY_LIMIT'],
    counted: ['ERR_GATEWAY_LIMIT'],
    left: 0,
  })
  expect(details).toEqual(['1 MiB of TLS beside application data, and none of ours read'])
  expect(service).toEqual([{ bytes: word, end: 'cut' }])
  expect(await world.honest()).toBe('honest')
}, 120_000)
