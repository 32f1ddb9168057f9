// The soak in miniature: everything that the long run does, with fewer tunnels and in twenty seconds. The long one is
// `npm run soak -- --minutes 20 --tunnels 2000`.
import { describe, expect, it } from 'vitest'
import { describePeer } from '../support/peers.js'
import type { End } from './client.js'
import { explain } from './disturbances.js'
import { fits, piece } from './pattern.js'
import { slope } from './slope.js'
import { soak } from './soak.js'

describePeer('haproxy', 'fifty tunnels through HAProxy', () => {
  it('lose no byte in silence, end for known reasons, and leave nothing behind', {
    timeout: 180_000,
  }, async () => {
    const report = await soak({ minutes: 0.3, tunnels: 50, churn: 8, rate: 2e6, seed: 7 })
    // What is left unexplained is shown with its evidence.
    expect(report.unexplained).toEqual([])
    expect(report.reasons).toEqual([])
    expect(report).toMatchObject({
      checksumErrors: 0,
      verdict: 'pass',
      ends: { unexplainedTotal: 0 },
    })
    expect(report.ends.clean).toBeGreaterThan(50)
    // It was disturbed, and that was seen: a soak in which nothing is ever cut proves nothing.
    expect(report.disturbances).toHaveLength(12)
    expect(Object.keys(report.ends.explained)).toContain('gateway killed')
    expect(report.tunnels.byServerCertificate).toHaveLength(2)
    expect(report.bytes.received).toBeGreaterThan(1_000_000)
  })
})

describe('what judges a soak', () => {
  it('sees a byte that changed, moved or belongs to another tunnel', () => {
    const sent = piece(5, 1_048_000, 65_536)
    expect(fits(5, 1_048_000, sent)).toBe(true)
    expect(fits(5, 1_048_001, sent)).toBe(false)
    expect(fits(6, 1_048_000, sent)).toBe(false)
    sent[65_535]! ^= 1
    expect(fits(5, 1_048_000, sent)).toBe(false)
    const [long, more] = [piece(9, 0, 65_536), piece(9, 65_536, 10)]
    expect(fits(9, 0, new Uint8Array([...long, ...more]))).toBe(true)
  })

  it('finds what grows', () => {
    const points = (step: number) =>
      Array.from({ length: 30 }, (_, at) => ({ at: at * 1_000, value: 7 + (at % 2) + step * at }))
    expect(Math.abs(slope(points(0)).perMinute)).toBeLessThan(0.5)
    expect(slope(points(10)).perMinute).toBeCloseTo(600, 0)
    expect(slope([])).toEqual({ perMinute: 0, plusMinus: 0 })
  })

  it('explains an end by a disturbance of its time that has its code, and no other', () => {
    const killed = { what: 'gateway killed', from: 1_000, to: 2_000, open: 1 } as const
    const reloaded = { what: 'load balancer reloaded', from: 1_000, to: 2_000, open: 1 } as const
    const end: End = {
      phase: 'tunnel',
      mode: 'alpn',
      code: 'ERR_TLS_TRUNCATED',
      reason: '',
      doing: 'pausing',
      port: 40_000,
      began: 500,
      at: 1_500,
    }
    const left = (...args: Parameters<typeof explain>) => explain(...args).unexplained
    expect(left([end], [killed])).toEqual({})
    expect(left([end], [reloaded])).toEqual({ 'tunnel ERR_TLS_TRUNCATED': 1 })
    expect(left([{ ...end, at: 900 }], [killed])).toEqual({ 'tunnel ERR_TLS_TRUNCATED': 1 })
    expect(left([{ ...end, began: 2_100, at: 2_200 }], [killed])).toEqual({ 'tunnel ERR_TLS_TRUNCATED': 1 })
    for (const code of ['SILENT_LOSS', 'CHECKSUM', 'ERR_INTERNAL', 'ERR_TIMEOUT'])
      expect(left([{ ...end, code }], [killed])).toEqual({ [`tunnel ${code}`]: 1 })
  })
})
