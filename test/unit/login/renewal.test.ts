// Logins in use: a dialer asks for the identity on every connect, so what the files say now is what the gateway sees.
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { filesIdentity, tshLogin } from '../../../src/login/index.js'
import type { TimedTraceEvent } from '../../../src/platform/node/index.js'
import { type Service, startEcho } from '../../support/services.js'
import { createStage, type Stage } from '../../support/stage.js'
import { echoes, readAll, sample } from '../../support/traffic.js'
import { folder, issue, keys, put, removeFolders, replace, tshHome } from './tree.js'

let stage: Stage
let echo: Service
beforeAll(async () => {
  echo = await startEcho()
  stage = await createStage({ echo: echo.port })
})
afterEach(removeFolders)
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]()
  await echo?.stop()
})

const options = { alpn: ['echo'], mode: 'websocket' } as const

describe('a dialer with a login', () => {
  it('shows the certificate that is in the files, and lets open tunnels be', async () => {
    const path = await folder()
    const [alice, bob, renewed] = await Promise.all(
      ['alice', 'bob', 'alice'].map((commonName) => stage.users.issue({ commonName, usage: 'client' })),
    )
    const files = {
      certificate: await put(join(path, 'tlscert'), alice!.chain),
      privateKey: await put(join(path, 'key'), alice!.privateKey),
    }
    const source = await filesIdentity(files)
    await using dialer = stage.dialer(stage.upgradePort, {
      ...options,
      origin: `http://localhost:${stage.upgradePort}`,
      identity: () => source.current(),
    })
    const first = await dialer.connect()
    await echoes(first, sample(10_000))
    // The gateway lets alice in, not bob.
    await replace(files.privateKey, bob!.privateKey)
    await replace(files.certificate, bob!.chain)
    const refused = async () => readAll((await dialer.connect()).readable)
    await expect(refused()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_TLS_/) })
    const turnedAway = stage.events.flatMap((event) => (event.type === 'refused' ? [event.error.code] : []))
    expect(turnedAway).toEqual(['ERR_GATEWAY_DENIED'])
    await echoes(first, sample(10_000))
    await replace(files.privateKey, renewed!.privateKey)
    await replace(files.certificate, renewed!.chain)
    const second = await dialer.connect()
    await echoes(second, sample(10_000))
    const seen = stage.events.flatMap((event) => (event.type === 'opened' ? [event.client?.certificate] : []))
    expect(seen.map((der) => der && Buffer.from(der))).toEqual(
      [alice, renewed].map((each) => Buffer.from(each!.der)),
    )
    await Promise.all([first.close(), second.close()])
  })

  it('dials nowhere with a certificate that has ended, or is for something else', async () => {
    const home = await tshHome()
    const past = { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }
    const [ended, stock] = await Promise.all([
      issue({ database: 'orders' }, past),
      issue({ database: 'stock' }),
    ])
    const place = (name: string) => keys(home, 'alice-db', 'root', name)
    await put(place('orders.crt'), ended.certificate)
    await put(place('orders.key'), ended.privateKey)
    const { identity, expires } = await tshLogin({ home, database: 'orders' })
    expect(expires).toBeLessThan(Date.now())
    const events: TimedTraceEvent[] = []
    await using dialer = stage.dialer(stage.upgradePort, {
      ...options,
      origin: `http://localhost:${stage.upgradePort}`,
      identity: () => identity.current(),
      trace: (event) => events.push(event),
    })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_IDENTITY_EXPIRED' })
    await put(place('orders.crt'), stock.certificate)
    await put(place('orders.key'), stock.privateKey)
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_CONFIG_IDENTITY_ROUTE' })
    expect(events.filter(({ event }) => event.type === 'step' && event.name === 'dial')).toEqual([])
  })
})
