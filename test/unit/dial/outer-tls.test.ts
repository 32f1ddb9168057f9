import { describe, expect, it } from 'vitest'
import { underUpgrade } from '../../../src/dial/outer-tls.js'
import { type ErrorCode, failure, type TunnelError } from '../../../src/errors.js'
import type { Layer, Sink } from '../../../src/layer.js'

function ending(code: ErrorCode, later: boolean): Layer {
  return {
    name: 'tls',
    start() {},
    receive() {},
    send() {},
    end() {},
    eof(cause) {
      const error = failure(code, undefined, { cause })
      if (later) return Promise.reject(error)
      throw error
    },
  }
}

async function eofOf(layer: Layer): Promise<{ told: string[]; thrown: ErrorCode | undefined }> {
  const told: string[] = []
  const sink: Sink = {
    down() {},
    up() {},
    open() {},
    finish: () => told.push('finish'),
    eof: (cause) => told.push(`eof ${cause?.code}`),
    trace() {},
  }
  try {
    await layer.eof(undefined, sink)
  } catch (error) {
    return { told, thrown: (error as TunnelError).code }
  }
  return { told, thrown: undefined }
}

describe.each([false, true])('an outer TLS that is cut (later: %s)', (later) => {
  it('tells the layers above, which know better', async () => {
    const layer = underUpgrade(ending('ERR_TLS_TRUNCATED', later), () => false)
    expect(await eofOf(layer)).toEqual({ told: ['finish', 'eof ERR_TLS_TRUNCATED'], thrown: undefined })
  })

  it('fails when it is the tunnel itself', async () => {
    const layer = underUpgrade(ending('ERR_TLS_TRUNCATED', later), () => true)
    expect(await eofOf(layer)).toEqual({ told: [], thrown: 'ERR_TLS_TRUNCATED' })
  })

  it('fails with anything else', async () => {
    const layer = underUpgrade(ending('ERR_TLS_HANDSHAKE_EOF', later), () => false)
    expect(await eofOf(layer)).toEqual({ told: [], thrown: 'ERR_TLS_HANDSHAKE_EOF' })
  })
})
