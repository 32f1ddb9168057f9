import { describe, expect, it } from 'vitest'
import { concat, equal } from '../../../src/bytes/index.js'
import { closeCause, endCause, messagesOf } from '../../../src/platform/messages.js'
import { sample } from '../../support/traffic.js'

const most = 65_536

describe('messages', () => {
  it.each([
    { sizes: [], messages: [] },
    { sizes: [0], messages: [] },
    { sizes: [10], messages: [10] },
    { sizes: [10, 20, 30], messages: [60] },
    { sizes: [most], messages: [most] },
    { sizes: [most + 1], messages: [most, 1] },
    { sizes: [3 * most], messages: [most, most, most] },
    // Records of 16 KiB stay whole.
    { sizes: [16_406, 16_406, 16_406, 16_406, 16_406], messages: [49_218, 32_812] },
    { sizes: [1, most, 1], messages: [1, most, 1] },
    { sizes: [1, most + 5, 1], messages: [1, most, 6] },
  ])('of $sizes are $messages', ({ sizes, messages }) => {
    const chunks = sizes.map((size) => sample(size))
    const made = messagesOf(chunks)
    expect(made.map(({ length }) => length)).toEqual(messages)
    expect(equal(concat(...made), concat(...chunks))).toBe(true)
  })

  it('of one chunk are the chunk itself', () => {
    const chunk = sample(100)
    expect(messagesOf([chunk])[0]).toBe(chunk)
  })
})

describe('the end of a WebSocket', () => {
  it('that took our bytes and never answered is told by name', () => {
    for (const code of [undefined, 1000, 1005, 1006, 1002, 1008])
      expect(endCause(code, true, false)?.code).toBe('ERR_WS_UNANSWERED')
    expect(endCause(1001, true, false)?.code).toBe('ERR_WS_GOING_AWAY')
    expect(endCause(1011, true, false)?.code).toBe('ERR_WS_SERVER_ERROR')
  })

  it('is what its code says in every other case', () => {
    for (const code of [1000, 1005, 1006, 1008]) {
      expect(endCause(code, true, true)?.code).toBe(closeCause(code)?.code)
      expect(endCause(code, false, false)?.code).toBe(closeCause(code)?.code)
    }
  })
})
