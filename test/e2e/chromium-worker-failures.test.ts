// What a page, the Worker and the gateway say when the network between two of them is lost in the middle of a transfer, or
// the tab is closed: each by name, in its time, with nothing left behind and the next tunnel as good as the first.
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DialRequest } from '../support/page/in-page.js'
import { describePeer } from '../support/peers.js'
import { balancers, createWorkerWorld, lost, relays, type Way, type WorkerWorld } from './worker-world.js'

const mebibyte = 1024 * 1024

describePeer(['chromium', 'haproxy', 'nginx'], 'Chromium through the Worker, when something is lost', () => {
  let world: WorkerWorld

  beforeAll(async () => {
    world = await createWorkerWorld({ pingInterval: 2000, limits: { idleSeconds: 5 } })
  }, 120_000)
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000)
  // Of a test that failed too: the next one starts with nothing open.
  afterEach(async () => {
    await Promise.all(world.lab.browser.contexts().map((context) => context.close()))
    world.near.cut()
    for (const balancer of balancers) world.far[balancer].cut()
    await world.nothingLeft()
  }, 60_000)

  /** A tunnel that the gateway knows of: a client is done with its handshake before the server is. */
  async function open(way: Way, more: Partial<DialRequest>) {
    const page = await world.lab.open()
    const [lines, events] = [world.worker.log.length, world.stage.events.length]
    expect(await world.dial(page, way, more)).toMatchObject({ info: { clientCertificate: true } })
    const { tunnel } = await world.told(events, 'opened')
    return {
      page,
      /** The Worker's line about it. */
      line: () => world.logged(lines),
      /** The gateway's name for its end. */
      async end() {
        const closed = await world.told(events, 'closed')
        expect(closed.tunnel).toBe(tunnel)
        return closed.error?.code
      },
    }
  }

  /** Begins to read; resolves when a good part of it has come. */
  async function transfer(page: Page): Promise<Promise<Awaited<ReturnType<typeof inPage.readToEnd>>>[]> {
    const reading = page.evaluate(() => inPage.readToEnd())
    reading.catch(() => {})
    await page.waitForFunction((least) => inPage.progress.bytes > least, mebibyte)
    // In a list, because a promise of a promise is waited for.
    return [reading]
  }

  async function nextWorks(way: Way): Promise<void> {
    const { page } = await open(way, {})
    expect(await page.evaluate((bytes) => inPage.echo(bytes), mebibyte)).toMatchObject({ right: true })
  }

  const ways = balancers.flatMap((balancer) => relays.map((relay): Way => ({ balancer, relay })))

  describe.each(ways)('by $balancer, $relay', (way) => {
    // A native relay is logged when it begins, and never again.
    const told = (code: unknown) => (way.relay === 'native' ? 'native' : code)

    it('the network between page and Worker', async () => {
      const { page, line, end } = await open(way, { alpn: ['source'] })
      const [reading] = await transfer(page)
      world.near.cut()
      expect(await reading).toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
      expect(await line()).toMatchObject({ code: told('ERR_RELAY_CLIENT_LOST') })
      expect(await end()).toMatch(lost)
      await world.tunnelsGone()
      await nextWorks(way)
    }, 60_000)

    it('the network between Worker and load balancer', async () => {
      const { page, line, end } = await open(way, { alpn: ['source'] })
      const [reading] = await transfer(page)
      world.far[way.balancer].cut()
      const { code, bytes } = (await reading)!
      expect(code).toBe('ERR_TLS_TRUNCATED')
      expect(bytes).toBeLessThan(world.source.total)
      expect(await line()).toMatchObject({ code: told('ERR_RELAY_UPSTREAM_LOST') })
      expect(await end()).toMatch(lost)
      await world.tunnelsGone()
      await nextWorks(way)
    }, 60_000)

    it('the tab', async () => {
      const { page, line, end } = await open(way, { alpn: ['source'] })
      await transfer(page)
      await page.close()
      // Chromium says 1001 when it is asked nicely, and drops the connection when it is busy.
      expect([told('ERR_RELAY_CLIENT_LOST'), told(1001)]).toContain((await line()).code)
      expect(await end()).toMatch(lost)
      await world.tunnelsGone()
      await nextWorks(way)
    }, 60_000)
  })

  describe('without a word', () => {
    const way: Way = { balancer: 'haproxy', relay: 'counted' }
    const keepAlive = { interval: 2000, timeout: 7000 }
    const closing = (page: Page) => page.evaluate(() => inPage.closing())

    it('the page misses the gateway’s pings', async () => {
      const { page, line, end } = await open(way, { alpn: ['echo-ping'], keepAlive })
      world.near.fallSilent()
      expect(await closing(page)).toMatchObject({ code: 'ERR_PING_TIMEOUT' })
      // What the page has given up, the other two know of when the network has, too.
      world.near.cut()
      expect(await line()).toMatchObject({ code: 'ERR_RELAY_CLIENT_LOST' })
      expect(await end()).toMatch(lost)
      await world.tunnelsGone()
    }, 60_000)

    it('the gateway misses the Worker’s answers', async () => {
      const { page, line, end } = await open(way, { alpn: ['echo-ping'], keepAlive })
      world.far.haproxy.fallSilent()
      expect(await end()).toBe('ERR_PING_TIMEOUT')
      expect(await closing(page)).toMatchObject({ code: 'ERR_PING_TIMEOUT' })
      expect(await line()).toMatchObject({ code: 1000 })
    }, 60_000)

    it('the Worker misses both, where a protocol has no pings', async () => {
      const { line, end } = await open(way, { alpn: ['echo'] })
      world.near.fallSilent()
      expect(await line()).toMatchObject({ code: 'ERR_RELAY_IDLE' })
      expect(await end()).toMatch(lost)
      await world.tunnelsGone()
    }, 60_000)

    it('and nobody is missed who has nothing to say', async () => {
      // Pings of the gateway are answered by Chromium, which tells the page nothing: silence here is no sign of death.
      const { page, line } = await open(way, { alpn: ['echo'], keepAlive: { interval: 50, timeout: 200 } })
      expect(await closing(page)).toMatchObject({ code: 'ERR_TLS_TRUNCATED' })
      expect(await line()).toMatchObject({ code: 'ERR_RELAY_IDLE' })
    }, 60_000)
  })
})
