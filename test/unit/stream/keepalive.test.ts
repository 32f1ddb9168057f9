import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TunnelError } from '../../../src/errors.js'
import { keepAlive } from '../../../src/stream/index.js'

function watched() {
  const errors: TunnelError[] = []
  let close: () => void = () => {}
  const state = {
    pings: 0,
    heardAt: Date.now(),
    errors,
    closed: new Promise<void>((resolve) => {
      close = resolve
    }),
    close: () => close(),
    ping: () => state.pings++,
    get quiet() {
      return Date.now() - state.heardAt
    },
    destroy: (error: TunnelError) => void errors.push(error),
  }
  return state
}

describe('keepAlive', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('pings at its interval until stopped', () => {
    const connection = watched()
    const alive = keepAlive(connection, { interval: 1000 })
    vi.advanceTimersByTime(3500)
    expect(connection.pings).toBe(3)
    alive.stop()
    vi.advanceTimersByTime(5000)
    expect(connection.pings).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends a peer that is silent for the timeout with ERR_PING_TIMEOUT, and not earlier', () => {
    const connection = watched()
    keepAlive(connection, { interval: 1000, timeout: 2500 })
    vi.advanceTimersByTime(2000)
    connection.heardAt = Date.now()
    vi.advanceTimersByTime(2499)
    expect(connection.errors).toEqual([])
    // What arrived until then is heard in the turn between.
    vi.advanceTimersByTime(2)
    expect(connection.errors.map(({ code }) => code)).toEqual(['ERR_PING_TIMEOUT'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets live a peer that is heard in the turn after the deadline', () => {
    const connection = watched()
    const alive = keepAlive(connection, { interval: 1000, timeout: 2500 })
    vi.advanceTimersByTime(2500)
    connection.heardAt = Date.now()
    vi.advanceTimersByTime(2499)
    expect(connection.errors).toEqual([])
    alive.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('stops when the connection is closed', async () => {
    const connection = watched()
    keepAlive(connection, { interval: 1000, timeout: 5000 })
    connection.close()
    await connection.closed
    await Promise.resolve()
    expect(vi.getTimerCount()).toBe(0)
  })
})
