import { beforeAll, describe, expect, it } from 'vitest'
import { createDialer, type WorkerDialerOptions } from '../../../src/platform/workerd/index.js'
import { createAuthority } from '../../support/certificates.js'

let trust: string

beforeAll(async () => {
  trust = (await createAuthority()).certificate
})

describe('a transport', () => {
  it.each<[string, Partial<WorkerDialerOptions>]>([
    ['that does not exist', { transport: 'udp' as never }],
    ['that cannot obey originTrust', { transport: 'fetch', originTrust: 'x' }],
  ])('%s is refused at once', (_, options) => {
    const make = () => createDialer({ origin: 'https://lb.test', trust, ...options })
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })

  it('of raw TCP alone is missed by name where it is missing', async () => {
    await using dialer = createDialer({ origin: 'https://lb.test', trust, transport: 'tcp', alpn: ['app'] })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PLATFORM', phase: 'dial' })
  })
})
