import { Duplex, PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { unreadAnswers } from '../../../src/gateway/unread.js'

const MiB = 1024 * 1024

/** A carrier whose client takes what is written when the test says so, and the TLS connection over it. */
function stand() {
  const taken: (() => void)[] = []
  const carrier = new Duplex({ read() {}, write: (_chunk, _encoding, done) => void taken.push(done) })
  const inner = new PassThrough().resume()
  let code: string | undefined
  unreadAnswers(carrier, inner).catch((error: { code: string }) => {
    code = error.code
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    answer: () => void carrier.write('an answer'),
    take: () => {
      for (const done of taken.splice(0)) done()
      return turn()
    },
    async hear(bytes: number, application = 0) {
      carrier.push(Buffer.alloc(bytes))
      if (application > 0) inner.write(Buffer.alloc(application))
      await turn()
      return code
    },
  }
}

describe('answers that the client does not read', () => {
  it('may cost it a mebibyte of what is no application data', async () => {
    const { answer, hear } = stand()
    answer()
    expect(await hear(MiB)).toBeUndefined()
    expect(await hear(1)).toBe('ERR_GATEWAY_LIMIT')
  })

  it('are forgotten once it has read them', async () => {
    const { answer, take, hear } = stand()
    answer()
    expect(await hear(MiB)).toBeUndefined()
    await take()
    expect(await hear(64)).toBeUndefined()
    answer()
    expect(await hear(MiB)).toBeUndefined()
    expect(await hear(1)).toBe('ERR_GATEWAY_LIMIT')
  })

  it('are no reason to end an upload whose client reads later', async () => {
    const { answer, hear } = stand()
    answer()
    // Four records at a time: 64 MiB of them cost 90 kB beside the data.
    for (let i = 0; i < 1024; i++) expect(await hear(64 * 1024, 64 * 1024 - 4 * 22)).toBeUndefined()
  })

  it('are not looked for where nothing waits', async () => {
    const { hear } = stand()
    for (let i = 0; i < 8; i++) expect(await hear(MiB)).toBeUndefined()
  })
})
