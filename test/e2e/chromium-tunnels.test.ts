// Real Chromium through real load balancers to the gateway: every kind of identity, bulk both ways through both of the
// browser's interfaces, a slow reader, a page that never reads, a tab that is closed; and the rules of the wire, read from
// the bytes that arrive.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, writeCertificate } from '../support/files.js'
import type { DialRequest, Outcome } from '../support/page/in-page.js'
import { insecureName, type PageLab, startPageLab } from '../support/page/index.js'
import { type Source, startSource } from '../support/page/source.js'
import { startTap, type Tap } from '../support/page/tap.js'
import { describePeer, requireProgram } from '../support/peers.js'
import { type RunningServer, startHaproxy, startNginx } from '../support/servers/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'

const mebibyte = 1024 * 1024

describePeer(['chromium', 'haproxy', 'nginx', 'openssl'], 'Chromium to the gateway', () => {
  let echo: Service
  let source: Source
  let stage: Stage
  let lab: PageLab
  let tap: Tap
  const balancers: Record<'haproxy' | 'nginx' | 'plain', RunningServer | undefined> = {
    haproxy: undefined,
    nginx: undefined,
    plain: undefined,
  }

  beforeAll(async () => {
    ;[echo, source] = await Promise.all([startEcho(), startSource()])
    stage = await createStage({ echo: echo.port, source: source.port })
    tap = await startTap(stage.upgradePort)
    const options = { upstreamPort: tap.port, certificate: stage.lbCertificate }
    ;[lab, balancers.haproxy, balancers.nginx, balancers.plain] = await Promise.all([
      startPageLab([stage.lbCertificate]),
      startHaproxy(options),
      startNginx(options),
      startHaproxy({ ...options, plain: true }),
    ])
  })

  afterAll(async () => {
    await lab?.stop()
    await Promise.all(Object.values(balancers).map((each) => each?.stop()))
    await Promise.all([tap?.stop(), stage?.[Symbol.asyncDispose](), echo?.stop(), source?.stop()])
  })

  function request(balancer: keyof typeof balancers, more: Partial<DialRequest> = {}): DialRequest {
    const { port } = balancers[balancer]!
    return {
      origin: balancer === 'plain' ? `http://${insecureName}:${port}` : `https://localhost:${port}`,
      trust: stage.host.certificate,
      serverName: innerName,
      alpn: ['echo'],
      identity: { pem: alice() },
      ...more,
    }
  }

  const alice = (): { certificate: string; privateKey: string } => ({
    certificate: stage.alice.chain,
    privateKey: stage.alice.privateKey,
  })

  const dial = (page: Page, wanted: DialRequest): Promise<Outcome> =>
    page.evaluate((options) => inPage.dial(options), wanted)

  const echoes = (page: Page, bytes: number): Promise<{ right: boolean }> =>
    page.evaluate((count) => inPage.echo(count), bytes)

  describe.each(['haproxy', 'nginx'] as const)('by %s', (balancer) => {
    it.each(['WebSocketStream', 'WebSocket'] as const)(
      'moves 64 MiB both ways through a %s, without harm to a byte',
      async (webSocket) => {
        const page = await lab.open()
        const told = await dial(page, request(balancer, { webSocket }))
        expect(told).toMatchObject({
          info: {
            verdict: 'upgrade',
            framing: 'websocket',
            alpn: 'echo',
            clientCertificate: true,
            verified: true,
            connections: 1,
          },
        })
        expect(
          await page.evaluate(() => inPage.traced.find(({ name }) => name === 'interface')?.facts),
        ).toEqual({
          name: webSocket,
        })
        expect(await echoes(page, 64 * mebibyte)).toMatchObject({ right: true })
        await page.context().close()
      },
      60_000,
    )

    it('takes a slow reader’s pace, and not the memory', async () => {
      const page = await lab.open()
      const before = source.sent
      expect(await dial(page, request(balancer, { alpn: ['source'] }))).toMatchObject({ info: {} })
      // Nothing is read: what the source can get rid of is what lies on the way, in the page's bounded queue (16 MiB) and in
      // what the kernel holds for four sockets on loopback.
      await source.stalled()
      const ahead = source.sent - before
      expect(ahead).toBeGreaterThan(mebibyte)
      expect(ahead).toBeLessThan(112 * mebibyte)
      const { right, heap } = await page.evaluate((bytes) => inPage.readSlowly(bytes, 2), source.total)
      expect(right).toBe(true)
      expect(heap).toBeLessThan(96 * mebibyte)
      await page.context().close()
    }, 60_000)
  })

  it('says so when a WebSocket that cannot pause is never read', async () => {
    const page = await lab.open()
    await dial(page, request('haproxy', { alpn: ['source'], webSocket: 'WebSocket' }))
    expect(await page.evaluate(() => inPage.closing())).toMatchObject({ code: 'ERR_STREAM_LIMIT' })
    await page.context().close()
  }, 60_000)

  it('offers one subprotocol, and sends whole, masked, binary frames of at most 64 KiB', async () => {
    for (const webSocket of ['WebSocketStream', 'WebSocket'] as const) {
      const page = await lab.open()
      tap.reset()
      await dial(page, request('haproxy', { webSocket }))
      expect(await echoes(page, 3 * mebibyte)).toMatchObject({ right: true })
      await page.context().close()
      const { head, frames } = tap.read()
      // Teleport's server: exactly one is offered; text and continuation frames it would drop in silence.
      expect(head.filter((line) => /^sec-websocket-protocol:/i.test(line))).toEqual([
        expect.stringMatching(/^sec-websocket-protocol: alpn-ping$/i),
      ])
      expect(head[0]).toBe('GET /webapi/connectionupgrade HTTP/1.1')
      expect(frames.length).toBeGreaterThan(48)
      const data = frames.filter(({ opcode }) => opcode < 8)
      expect(new Set(data.map(({ opcode }) => opcode))).toEqual(new Set([2]))
      expect(frames.every(({ fin, reserved, masked }) => fin && !reserved && masked)).toBe(true)
      expect(Math.max(...data.map(({ length }) => length))).toBeLessThanOrEqual(65_536)
    }
  }, 60_000)

  it('lets the gateway know when the tab is closed', async () => {
    const page = await lab.open()
    const known = stage.events.length
    await dial(page, request('haproxy'))
    const opened = await event(known, 'opened')
    await page.context().close()
    expect(await event(known, 'closed')).toMatchObject({ tunnel: opened.tunnel })
  })

  it('has an identity from PKCS#12 and from Teleport’s identity file', async () => {
    await using folder = await temporaryFolder('pkcs12')
    const files = await writeCertificate(folder, 'alice', stage.alice)
    const out = join(folder.path, 'alice.p12')
    openssl('pkcs12', '-export', '-in', files.both, '-out', out, '-passout', 'pass:open sesame')
    const pkcs12 = [...(await import('node:fs')).readFileSync(out)]
    const page = await lab.open()
    expect(
      await dial(page, request('haproxy', { identity: { pkcs12, passphrase: 'open sesame' } })),
    ).toMatchObject({ info: { clientCertificate: true } })
    expect(await dial(page, request('haproxy', { identity: { pkcs12, passphrase: 'wrong' } }))).toMatchObject(
      { code: 'ERR_CONFIG_PASSPHRASE' },
    )
    const file = [
      stage.alice.privateKey,
      'ssh-ed25519-cert-v01@openssh.com AAAA alice\n',
      stage.alice.certificate,
      '@cert-authority localhost,*.localhost ssh-rsa AAAA type=host\n',
      stage.host.certificate,
    ].join('')
    expect(await dial(page, request('haproxy', { identity: { file } }))).toMatchObject({
      info: { clientCertificate: true },
    })
    await page.context().close()
  })

  it.each(['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048'] as const)(
    'logs in with a %s key that was made in the page, after OpenSSL signed its request',
    async (key) => {
      await using folder = await temporaryFolder('enrol')
      const ca = await writeCertificate(folder, 'ca', {
        chain: stage.users.certificate,
        privateKey: stage.users.privateKey,
      })
      const page = await lab.open()
      const csr = await page.evaluate(
        (choice) =>
          inPage.generate({
            key: choice,
            subject: { commonName: 'alice', organization: ['staff', 'Größe'], country: 'DE' },
            names: [
              'alice.test',
              '*.alice.test',
              '192.0.2.7',
              '2001:db8::7',
              'alice@example.com',
              'spiffe://test/alice',
            ],
          }),
        key,
      )
      await page.evaluate(() => inPage.keepPending('new'))
      const request10 = await folder.write('alice.csr', csr)
      expect(
        openssl('req', '-in', request10, '-verify', '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus'),
      ).toMatch(
        /C=DE,O=staff,O=Größe,CN=alice[\s\S]*DNS:alice\.test, DNS:\*\.alice\.test, IP Address:192\.0\.2\.7, IP Address:2001:DB8:0:0:0:0:0:7, email:alice@example\.com, URI:spiffe:\/\/test\/alice/,
      )
      const certificate = openssl(
        'x509',
        '-req',
        '-in',
        request10,
        '-CA',
        ca.certificate,
        '-CAkey',
        ca.privateKey,
        '-set_serial',
        '77',
        '-days',
        '1',
        '-copy_extensions',
        'copyall',
      )
      // The key waits in IndexedDB while the CA is asked, and is there after a reload.
      await reload(page)
      expect(await page.evaluate((answer) => inPage.certify('new', answer), certificate)).toEqual({})
      await reload(page)
      expect(await dial(page, request('haproxy', { identity: { stored: 'new' } }))).toMatchObject({
        info: { clientCertificate: true },
      })
      expect(await page.evaluate(() => inPage.canTakeOut())).toBe(false)
      // Somebody else's certificate does not fit.
      await page.evaluate(() => inPage.generate({}))
      await page.evaluate(() => inPage.keepPending('other'))
      expect(await page.evaluate((answer) => inPage.certify('other', answer), certificate)).toMatchObject({
        code: 'ERR_CONFIG_KEY_MISMATCH',
      })
      await page.context().close()
    },
    60_000,
  )

  it('keeps PEM identities without a key that could be taken out', async () => {
    const page = await lab.open()
    expect(await page.evaluate((pem) => inPage.keep('alice', { pem }), alice())).toEqual({})
    await reload(page)
    const { list, keys } = await page.evaluate(() => inPage.kept())
    expect(list).toEqual([
      { name: 'alice', created: expect.any(Number), subject: 'CN=alice', notAfter: expect.any(Number) },
    ])
    expect(keys).toEqual([{ extractable: false, usages: ['sign'], type: 'private' }])
    expect(await page.evaluate(() => inPage.canTakeOut())).toBe(false)
    expect(await dial(page, request('nginx', { identity: { stored: 'alice' } }))).toMatchObject({
      info: { clientCertificate: true },
    })
    expect(await page.evaluate(() => inPage.forget('alice'))).toBe(true)
    expect(await page.evaluate(() => inPage.forget('alice'))).toBe(false)
    expect((await page.evaluate(() => inPage.kept())).list).toEqual([])
    await page.context().close()
  })

  it('lists one that cannot be read by its name, and hides no other behind it', async () => {
    const page = await lab.open()
    await page.evaluate((pem) => inPage.keep('alice', { pem }), alice())
    await page.evaluate(spoil, { none: [], other: [[1, 2, 3]] })
    expect((await page.evaluate(() => inPage.kept())).list).toEqual([
      { name: 'alice', created: expect.any(Number), subject: 'CN=alice', notAfter: expect.any(Number) },
      { name: 'none', created: 0 },
      { name: 'other', created: 0 },
    ])
    for (const name of ['none', 'other'])
      expect(await page.evaluate((bad) => inPage.forget(bad), name)).toBe(true)
    expect((await page.evaluate(() => inPage.kept())).list.map(({ name }) => name)).toEqual(['alice'])
    await page.context().close()
  })

  describe('from an insecure origin', () => {
    it('has no WebCrypto and says so', async () => {
      const page = await lab.open(insecureName)
      expect(await page.evaluate(() => [isSecureContext, typeof crypto.subtle])).toEqual([false, 'undefined'])
      expect(await page.evaluate(() => inPage.platformOutcome())).toMatchObject({
        code: 'ERR_CRYPTO_UNAVAILABLE',
      })
      await page.context().close()
    })

    it('does mutual TLS in JavaScript through a ws:// load balancer, with a warning in three places', async () => {
      const page = await lab.open(insecureName)
      const logged: string[] = []
      page.on('console', (message) => logged.push(`${message.type()}: ${message.text()}`))
      expect(await dial(page, request('plain', { software: true }))).toMatchObject({
        info: { clientCertificate: true, verified: true, alpn: 'echo' },
      })
      expect(await echoes(page, mebibyte)).toMatchObject({ right: true })
      const warnings = await page.evaluate(() => inPage.platformWarnings())
      expect(warnings).toEqual([expect.stringContaining('plain http')])
      expect(await page.evaluate(() => inPage.traced)).toContainEqual({
        layer: 'dial',
        type: 'step',
        name: 'warning',
        facts: { sentence: warnings[0] },
      })
      expect(logged.filter((line) => line.startsWith('warning'))).toEqual([
        `warning: Underpass: ${warnings[0]}`,
      ])
      await page.context().close()
    }, 60_000)

    it('has no warning where there is nothing to warn of', async () => {
      const page = await lab.open()
      expect(await page.evaluate(() => inPage.platformWarnings())).toEqual([])
      await page.context().close()
    })
  })

  async function reload(page: Page): Promise<void> {
    await page.reload()
    await page.waitForFunction(() => globalThis.inPage !== undefined)
  }

  function openssl(...args: string[]): string {
    return execFileSync(requireProgram('openssl'), args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  function event(from: number, type: 'opened' | 'closed'): Promise<{ readonly tunnel: number }> {
    return expect
      .poll(() => stage.events.slice(from).find((each) => each.type === type), { timeout: 15_000 })
      .toBeDefined()
      .then(() => stage.events.slice(from).find((each) => each.type === type) as { readonly tunnel: number })
  }
})

/** Runs in the page: records in the store whose certificates are none, by name. */
function spoil(chains: Readonly<Record<string, readonly number[][]>>): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('underpass')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      const transaction = database.transaction('identities', 'readwrite')
      for (const [name, chain] of Object.entries(chains))
        transaction.objectStore('identities').put({
          name,
          created: 0,
          kind: { kind: 'ec', curve: 'P-256' },
          spki: new Uint8Array(),
          keys: [],
          chain: chain.map((bytes) => new Uint8Array(bytes)),
        })
      transaction.onerror = () => reject(transaction.error)
      transaction.oncomplete = () => {
        database.close()
        resolve()
      }
    }
  })
}
