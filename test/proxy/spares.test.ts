// Spare connections: upgraded in advance, used once, replaced, thrown away when old or lost; and nothing shown before use.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDialer, type Dialer, type NodeDialerOptions } from '../../src/platform/node/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { echoes, sample } from '../support/traffic.js'

let echo: Service
let stage: Stage
let identity: { certificate: string; privateKey: string }

beforeAll(async () => {
  echo = await startEcho()
  stage = await createStage({ echo: echo.port })
  const alice = await stage.users.issue({ commonName: 'alice', usage: 'client' })
  identity = { certificate: alice.chain, privateKey: alice.privateKey }
})

afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await echo.stop()
})

interface Watched {
  readonly dialer: Dialer
  readonly steps: string[]
  /** The next step of this name that was not waited for yet. */
  next(name: string): Promise<void>
}

function watched(options: Partial<NodeDialerOptions>): Watched {
  const steps: string[] = []
  const seen = new Map<string, number>()
  const wake: Array<() => void> = []
  const dialer = createDialer({
    origin: `http://127.0.0.1:${stage.upgradePort}`,
    trust: stage.host.certificate,
    identity,
    serverName: innerName,
    alpn: ['echo'],
    trace({ event }) {
      if (event.type !== 'step') return
      steps.push(event.name)
      for (const one of wake.splice(0)) one()
    },
    ...options,
  })
  return {
    dialer,
    steps,
    async next(name) {
      const at = (seen.get(name) ?? 0) + 1
      seen.set(name, at)
      while (steps.filter((step) => step === name).length < at)
        await new Promise<void>((resolve) => wake.push(resolve))
    },
  }
}

const isSpare = (evidence: readonly string[]) => evidence.some((line) => line.includes('used a spare'))

describe('spare connections', { timeout: 60_000 }, () => {
  it('serve the next tunnels with nothing but the inner handshake left', async () => {
    const { dialer, next } = watched({ spares: { count: 2, maxAge: 60_000 } })
    const first = await dialer.connect()
    expect(isSpare(first.info.evidence)).toBe(false)
    await next('spare')
    await next('spare')
    const tunnels = await Promise.all([dialer.connect(), dialer.connect()])
    for (const tunnel of tunnels) {
      expect(isSpare(tunnel.info.evidence)).toBe(true)
      expect(tunnel.info).toMatchObject({ verdict: 'upgrade', framing: 'websocket', connections: 0 })
      expect(tunnel.info.timings.tcp).toBeUndefined()
      await echoes(tunnel, sample(100_000))
    }
    await dialer.close()
  })

  it('show nobody a certificate before they are used, and reach no service', async () => {
    const opened = () => stage.events.filter(({ type }) => type === 'opened').length
    const { dialer, next } = watched({ spares: { count: 3, maxAge: 60_000 } })
    const before = opened()
    await (await dialer.connect()).close()
    for (let i = 0; i < 3; i++) await next('spare')
    expect(opened()).toBe(before + 1)
    await dialer.close()
    expect(opened()).toBe(before + 1)
  })

  it('outlive the signal of the connect() that began them, not the dialer', async () => {
    const { dialer, next } = watched({ spares: { count: 1, maxAge: 60_000 } })
    const one = new AbortController()
    await dialer.connect({ signal: one.signal })
    one.abort()
    await next('spare')
    expect(isSpare((await dialer.connect()).info.evidence)).toBe(true)
    await dialer.close()
    await expect.poll(() => stage.gateway.stats().connections).toBe(0)
  })

  it('are replaced when they are old, while tunnels are asked for', async () => {
    const { dialer, next } = watched({ spares: { count: 1, maxAge: 20 } })
    await dialer.connect()
    for (let i = 0; i < 4; i++) await next('spare')
    await dialer.close()
  })

  it('are not replaced when nobody asks any more', async () => {
    const { dialer, next, steps } = watched({ spares: { count: 1, maxAge: 20, idleAfter: 10 } })
    const tunnel = await dialer.connect()
    await next('spare')
    // The spare ends, and only the tunnel's own connection is left.
    await expect.poll(() => stage.gateway.stats().connections).toBe(1)
    const made = steps.filter((name) => name === 'spare').length
    expect(made).toBeLessThanOrEqual(2)
    await tunnel.close()
    await dialer.close()
  })

  it('that the server ended are not used', async () => {
    const own = await createStage({ echo: echo.port })
    const alice = await own.users.issue({ commonName: 'alice', usage: 'client' })
    const { dialer, next } = watched({
      origin: `http://127.0.0.1:${own.upgradePort}`,
      trust: own.host.certificate,
      identity: { certificate: alice.chain, privateKey: alice.privateKey },
      spares: { count: 1, maxAge: 60_000 },
    })
    await dialer.connect()
    await next('spare')
    await own[Symbol.asyncDispose]()
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_DIAL_REFUSED' })
    await dialer.close()
  })
})
