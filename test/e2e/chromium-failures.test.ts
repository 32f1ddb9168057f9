// What goes wrong between a real browser and its server, each with a code of its own: through both of the interfaces that
// carry bytes in a page, which tell little and not the same.
import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  closingWith,
  cutInHandshake,
  type Misbehaviour,
  silent,
  startBroken,
  texting,
  withoutUnmasking,
} from '../support/page/broken-servers.js'
import type { DialRequest, Outcome } from '../support/page/in-page.js'
import { insecureName, type PageLab, startPageLab } from '../support/page/index.js'
import { type Source, startSource } from '../support/page/source.js'
import { startTap, type Tap } from '../support/page/tap.js'
import { describePeer } from '../support/peers.js'
import { createStage, innerName, type Stage } from '../support/stage.js'

describePeer('chromium', 'Chromium, when something is wrong', () => {
  let source: Source
  let stage: Stage
  let lab: PageLab
  let tap: Tap
  let page: Page

  beforeAll(async () => {
    source = await startSource()
    stage = await createStage({ source: source.port })
    tap = await startTap(stage.upgradePort)
    lab = await startPageLab()
    page = await lab.open()
  })

  afterAll(async () => {
    await lab?.stop()
    await Promise.all([tap?.stop(), stage?.[Symbol.asyncDispose](), source?.stop()])
  })

  const request = (port: number, more: Partial<DialRequest> = {}): DialRequest => ({
    origin: `http://127.0.0.1:${port}`,
    trust: stage.host.certificate,
    serverName: innerName,
    alpn: ['source'],
    identity: { pem: { certificate: stage.alice.chain, privateKey: stage.alice.privateKey } },
    ...more,
  })

  const dial = (wanted: DialRequest): Promise<Outcome> =>
    page.evaluate((options) => inPage.dial(options), wanted)

  describe.each(['WebSocketStream', 'WebSocket'] as const)('through %s', (webSocket) => {
    const cases: ReadonlyArray<{
      readonly what: string
      readonly misbehave: Misbehaviour
      readonly outcome: Partial<Record<keyof Outcome, unknown>>
    }> = [
      {
        what: 'a server too old to unmask frames',
        misbehave: withoutUnmasking,
        outcome: {
          code: 'ERR_WS_UNANSWERED',
          hint: expect.stringMatching(/15\.3\.7 to 16\.1 does not unmask/),
        },
      },
      {
        what: 'a connection cut amid the handshake (1006)',
        misbehave: cutInHandshake,
        outcome: { code: 'ERR_WS_ABNORMAL' },
      },
      { what: 'text', misbehave: texting, outcome: { code: 'ERR_WS_TEXT' } },
      {
        what: 'a server that shuts down (1001)',
        misbehave: closingWith(1001),
        outcome: { code: 'ERR_WS_GOING_AWAY' },
      },
      {
        what: 'a server that fails inside (1011)',
        misbehave: closingWith(1011),
        outcome: { code: 'ERR_WS_SERVER_ERROR' },
      },
      {
        what: 'a server that says no (1008)',
        misbehave: closingWith(1008),
        outcome: { code: 'ERR_WS_CLOSED' },
      },
    ]

    it.each(cases)('$what', async ({ misbehave, outcome }) => {
      await using server = await startBroken(misbehave)
      expect(await dial(request(server.port, { webSocket }))).toMatchObject(outcome)
    })

    it('a peer that never answers', async () => {
      await using server = await startBroken(silent)
      expect(await dial(request(server.port, { webSocket, handshakeTimeout: 300 }))).toMatchObject({
        code: 'ERR_TIMEOUT',
        phase: 'handshake',
      })
    })

    it('an upgrade refused, and nobody there', async () => {
      expect(await dial(request(stage.upgradePort, { webSocket, path: '/nothing/here' }))).toMatchObject({
        code: 'ERR_DIAL_FAILED',
      })
      expect(await dial(request(1, { webSocket }))).toMatchObject({ code: 'ERR_DIAL_FAILED' })
    })

    it('a certificate for another host', async () => {
      expect(await dial(request(stage.upgradePort, { webSocket, serverName: 'other.test' }))).toMatchObject({
        code: 'ERR_CERT_NAME_MISMATCH',
      })
    })

    it('the network, lost in the middle of a transfer', async () => {
      expect(await dial(request(tap.port, { webSocket }))).toMatchObject({ info: { alpn: 'source' } })
      const reading = page.evaluate(() => inPage.readToEnd())
      await source.flowing()
      tap.cut()
      const { code, bytes } = await reading
      expect(['ERR_WS_ABNORMAL', 'ERR_TLS_TRUNCATED']).toContain(code)
      expect(bytes).toBeLessThan(source.total)
    })
  })

  it('a key that does not fit its certificate', async () => {
    const { privateKey } = await stage.users.issue({ commonName: 'mallory', usage: 'client' })
    expect(
      await dial(
        request(stage.upgradePort, { identity: { pem: { certificate: stage.alice.chain, privateKey } } }),
      ),
    ).toMatchObject({ code: 'ERR_CONFIG_KEY_MISMATCH' })
  })

  it('a stored key on a page that is no secure context', async () => {
    const insecure = await lab.open(insecureName)
    expect(
      await insecure.evaluate((pem) => inPage.keep('alice', { pem }), {
        certificate: stage.alice.chain,
        privateKey: stage.alice.privateKey,
      }),
    ).toMatchObject({ code: 'ERR_CRYPTO_UNAVAILABLE' })
    await insecure.context().close()
  })
})
