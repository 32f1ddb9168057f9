import { describe, expect, it } from 'vitest'
import { type Finding, singleFlight, verdictCache } from '../../../src/dial/cache.js'

const upgrade: Finding = { verdict: 'upgrade', evidence: ['seen'] }

describe('the verdict cache', () => {
  it('forgets after its time', () => {
    let now = 0
    const cache = verdictCache({ clock: () => now, ttl: 100 })
    cache.set('https://a', upgrade)
    now = 99
    expect(cache.get('https://a')).toBe(upgrade)
    now = 100
    expect(cache.get('https://a')).toBeUndefined()
  })

  it('holds ten minutes by default', () => {
    let now = 0
    const cache = verdictCache({ clock: () => now })
    cache.set('https://a', upgrade)
    now = 599_999
    expect(cache.get('https://a')).toBe(upgrade)
    now = 600_000
    expect(cache.get('https://a')).toBeUndefined()
  })

  it('drops what is contradicted, and keeps other origins', () => {
    const cache = verdictCache({ clock: () => 0 })
    cache.set('https://a', upgrade)
    cache.set('https://b', upgrade)
    cache.drop('https://a')
    expect(cache.get('https://a')).toBeUndefined()
    expect(cache.get('https://b')).toBe(upgrade)
  })

  it('is bounded: the origin set longest ago leaves', () => {
    const cache = verdictCache({ clock: () => 0, entries: 2 })
    cache.set('a', upgrade)
    cache.set('b', upgrade)
    cache.set('a', upgrade)
    cache.set('c', upgrade)
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true])
  })
})

describe('a single flight', () => {
  it('lets one lead and the others wait until it has landed', async () => {
    const flights = singleFlight()
    const land = flights.join('a')
    if (typeof land !== 'function') throw new Error('the first one leads')
    const waiting = flights.join('a')
    expect(waiting).toBeInstanceOf(Promise)
    expect(typeof flights.join('b')).toBe('function')
    land()
    await waiting
    const next = flights.join('a')
    expect(typeof next).toBe('function')
    // Landing twice does not end the flight that came after.
    land()
    expect(flights.join('a')).toBeInstanceOf(Promise)
  })
})
