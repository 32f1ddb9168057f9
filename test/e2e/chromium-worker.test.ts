// Real Chromium through the real Worker and real load balancers to the gateway: bulk both ways, and readers that are slower
// than their writers, with caps on what may lie in between. Queries the same way are in console.test.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describePeer } from '../support/peers.js'
import { runtimeMemory } from '../support/workerd.js'
import { balancers, createWorkerWorld, lost, type WorkerWorld } from './worker-world.js'

const mebibyte = 1024 * 1024
const bulk = 64 * mebibyte
// A slow reader's share is more than that: less would fit into what ten sockets' kernel buffers take on loopback.
const long = 160 * mebibyte
const ahead = 128 * mebibyte
const counted = 80 * mebibyte

describePeer(['chromium', 'haproxy', 'nginx'], 'Chromium through the Worker', () => {
  let world: WorkerWorld

  beforeAll(async () => {
    world = await createWorkerWorld({ sourceBytes: long, limits: { tunnelBytes: counted } })
  }, 120_000)
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000)

  const there = {
    verdict: 'upgrade',
    framing: 'websocket',
    clientCertificate: true,
    verified: true,
    connections: 1,
  }

  // Of a test that failed too: the next one starts with nothing open.
  afterEach(async () => {
    await Promise.all(world.lab.browser.contexts().map((context) => context.close()))
    await world.nothingLeft()
  }, 60_000)

  // First, because workerd keeps memory that it had once: growth is seen in a process that has not grown yet.
  describe.each(balancers)('natively and %s', (balancer) => {
    const way = { balancer, relay: 'native' } as const

    it('downloads at the pace of a slow page', async () => {
      const page = await world.lab.open()
      expect(await world.dial(page, way, { alpn: ['source'] })).toMatchObject({ info: there })
      const [before, sent] = [runtimeMemory(), world.source.sent]
      await world.source.stalled()
      expect(world.source.sent - sent).toBeGreaterThan(mebibyte)
      expect(world.source.sent - sent).toBeLessThan(ahead)
      const { right, heap } = await page.evaluate((bytes) => inPage.readSlowly(bytes, 1), long)
      expect(right).toBe(true)
      expect(heap).toBeLessThan(96 * mebibyte)
      expect(runtimeMemory() - before).toBeLessThan(bulk / 2)
    }, 90_000)

    it('uploads at the pace of a slow service', async () => {
      const page = await world.lab.open()
      world.sink.hold()
      expect(await world.dial(page, way, { alpn: ['sink'], webSocket: 'WebSocket' })).toMatchObject({
        info: there,
      })
      const before = runtimeMemory()
      const pouring = page.evaluate((bytes) => inPage.pour(bytes), long)
      await page.evaluate(() => inPage.stalled())
      const { bytes, buffered } = await page.evaluate(() => inPage.poured)
      expect(bytes).toBeGreaterThan(mebibyte)
      expect(bytes).toBeLessThan(ahead)
      // The mark is 1 MiB; a write that crosses it is not cut.
      expect(buffered).toBeLessThan(2 * mebibyte)
      // Buffers that were sent are swept in the engine's own time.
      await expect
        .poll(() => page.evaluate(() => inPage.heapSize()), { timeout: 30_000 })
        .toBeLessThan(16 * mebibyte)
      world.sink.release(1)
      expect(await world.sink.finished()).toEqual({ bytes: long, right: true })
      expect(await pouring).toEqual({})
      expect(runtimeMemory() - before).toBeLessThan(bulk / 2)
    }, 90_000)
  })

  describe.each(balancers)('counted and %s', (balancer) => {
    const way = { balancer, relay: 'counted' } as const

    it('moves 64 MiB both ways, and says how much it was', async () => {
      const page = await world.lab.open()
      const from = world.worker.log.length
      expect(await world.dial(page, way)).toMatchObject({ info: { ...there, alpn: 'echo' } })
      expect(await page.evaluate((bytes) => inPage.echo(bytes), bulk)).toMatchObject({ right: true })
      const { code, up, down } = await world.logged(from)
      expect(code).toBe(1000)
      for (const bytes of [up, down]) {
        expect(bytes).toBeGreaterThan(bulk)
        expect(bytes).toBeLessThan(bulk * 1.01)
      }
    }, 90_000)

    it('ends at its limit of bytes what a page does not read', async () => {
      const page = await world.lab.open()
      const [lines, events] = [world.worker.log.length, world.stage.events.length]
      const before = runtimeMemory()
      expect(await world.dial(page, way, { alpn: ['source'] })).toMatchObject({ info: there })
      const { code, down } = await world.logged(lines)
      expect(code).toBe('ERR_RELAY_BYTES')
      expect(down).toBeLessThanOrEqual(counted)
      expect((await world.told(events, 'closed')).error?.code).toMatch(lost)
      expect(await page.evaluate(() => inPage.readToEnd())).toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
      // What nobody took lay in the Worker: the limit is what keeps it below an isolate's 128 MiB.
      expect(runtimeMemory() - before).toBeLessThan(counted + bulk / 2)
    }, 90_000)
  })
})
