import { describe, expect, it } from 'vitest'
import { pauseBefore, type RetryContext, withRetries } from '../../../src/dial/retry.js'
import { type ErrorCode, failure } from '../../../src/errors.js'

function context(retries: number, random: number): RetryContext & { pauses: number[]; told: string[] } {
  const pauses: number[] = []
  const told: string[] = []
  return {
    pauses,
    told,
    policy: { retries, delay: 100, maxDelay: 300 },
    random: (length) => new Uint8Array(length).fill(random),
    pause: async (milliseconds) => {
      pauses.push(milliseconds)
    },
    retrying: ({ attempt, code }) => told.push(`${attempt} ${code}`),
  }
}

function failing(times: number, code: ErrorCode): () => Promise<string> {
  let left = times
  return async () => {
    if (left-- > 0) throw failure(code)
    return 'open'
  }
}

describe('retries', () => {
  it('are bounded, and pauses double up to the longest', async () => {
    const given = context(4, 255)
    await expect(withRetries(given, failing(4, 'ERR_DIAL_REFUSED'))).resolves.toBe('open')
    expect(given.pauses).toEqual([100, 200, 300, 300])
    expect(given.told[0]).toBe('1 ERR_DIAL_REFUSED')
    await expect(withRetries(context(3, 0), failing(4, 'ERR_DIAL_REFUSED'))).rejects.toMatchObject({
      code: 'ERR_DIAL_REFUSED',
    })
  })

  it('are none by default, and never for what does not pass by itself', async () => {
    await expect(withRetries(context(0, 0), failing(1, 'ERR_DIAL_REFUSED'))).rejects.toMatchObject({
      code: 'ERR_DIAL_REFUSED',
    })
    for (const code of ['ERR_CERT_UNTRUSTED', 'ERR_ABORTED', 'ERR_UPGRADE_NOT_FOUND'] as const) {
      const given = context(5, 0)
      await expect(withRetries(given, failing(1, code))).rejects.toMatchObject({ code })
      expect(given.pauses).toEqual([])
    }
  })

  it('are spread over the whole pause', () => {
    const policy = { retries: 1, delay: 1000, maxDelay: 1000 }
    expect(pauseBefore(1, { policy, random: () => new Uint8Array([0, 0]) })).toBe(0)
    expect(pauseBefore(1, { policy, random: () => new Uint8Array([128, 0]) })).toBe(500)
    expect(pauseBefore(1, { policy, random: () => new Uint8Array([255, 255]) })).toBe(1000)
  })
})
