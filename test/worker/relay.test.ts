// The relay alone, between WebSockets of our own making: what no runtime of today shows, and that nothing is left behind.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RelayEnd, type RelayLimits, relay } from '../../worker/relay.js'

const limits: RelayLimits = { bytes: 1e9, seconds: 1000, idleSeconds: 100, backlogBytes: 1000 }

/** A WebSocket that takes nothing unless told. */
class Socket extends EventTarget {
  binaryType = ''
  bufferedAmount: number | undefined
  broken = false
  readonly sent: number[] = []
  readonly closes: Array<[number, string]> = []

  send(data: Uint8Array): void {
    if (this.broken) throw new Error('broken')
    this.sent.push(data.length)
    if (this.bufferedAmount !== undefined) this.bufferedAmount += data.length
  }

  close(code: number, reason: string): void {
    this.closes.push([code, reason])
  }

  message(length: number): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: new ArrayBuffer(length) }))
  }

  closed(code: number): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: 'why' }))
  }
}

let page: Socket
let target: Socket
let ends: RelayEnd[]

beforeEach(() => {
  vi.useFakeTimers()
  page = new Socket()
  target = new Socket()
  ends = []
})

afterEach(() => {
  expect(vi.getTimerCount(), 'timers left').toBe(0)
  vi.useRealTimers()
})

function start(given: Partial<RelayLimits> = {}): void {
  relay(page as never, target as never, { ...limits, ...given }, (end) => ends.push(end))
}

describe('a side that does not take its bytes', () => {
  it('ends the tunnel with 1013 where the runtime tells', () => {
    target.bufferedAmount = 0
    start()
    page.message(600)
    expect(ends).toEqual([])
    page.message(600)
    vi.advanceTimersByTime(1)
    page.message(1)
    expect(page.closes).toEqual([[1013, 'ERR_RELAY_BACKLOG']])
    expect(target.closes).toEqual([[1013, 'ERR_RELAY_BACKLOG']])
    expect(ends).toMatchObject([{ code: 'ERR_RELAY_BACKLOG', up: 1201, down: 0 }])
  })

  it('ends it by the bytes of the tunnel where it does not', () => {
    start({ bytes: 1000 })
    page.message(1000)
    expect(ends).toEqual([])
    page.message(1)
    expect(ends).toMatchObject([{ code: 'ERR_RELAY_BYTES', up: 1000 }])
  })
})

describe('the end', () => {
  it('comes after what was waiting', () => {
    start()
    for (let i = 0; i < 3; i++) target.message(10)
    expect(page.sent).toEqual([10])
    target.closed(1000)
    expect(page.sent).toEqual([10, 20])
    expect(page.closes).toEqual([[1000, 'why']])
  })

  it.each([
    [1005, 1000],
    [1015, 1011],
    [2999, 1011],
    [1012, 1012],
    [4999, 4999],
  ])('with code %i is told as %i', (code, told) => {
    start()
    page.closed(code)
    expect(target.closes).toEqual([[told, 'why']])
  })

  it('is told once, however many events follow', () => {
    start()
    page.dispatchEvent(new Event('error'))
    page.closed(1006)
    target.closed(1001)
    page.message(1)
    target.message(1)
    expect(ends).toMatchObject([{ code: 'ERR_RELAY_CLIENT_LOST', up: 0, down: 0 }])
    expect([page.sent, target.sent]).toEqual([[], []])
  })

  it('comes even when a side is broken already', () => {
    target.broken = true
    start()
    page.message(1)
    target.closed(1006)
    expect(page.closes).toEqual([[1011, 'ERR_RELAY_UPSTREAM_LOST']])
  })
})

it('counts silence from the last message of either side', () => {
  start()
  vi.advanceTimersByTime(99_000)
  target.message(1)
  vi.advanceTimersByTime(99_000)
  expect(ends).toEqual([])
  vi.advanceTimersByTime(1_000)
  expect(ends).toMatchObject([{ code: 'ERR_RELAY_IDLE', milliseconds: 199_000 }])
})
