import { describe, expect, it } from 'vitest'
import type { DialerOptions } from '../../../src/dial/options.js'
import { headerList, settingsFor, settingsOf } from '../../../src/dial/settings.js'
import type { TunnelError } from '../../../src/errors.js'

const usual: DialerOptions = { origin: 'https://proxy.example.com', trust: 'PEM' }

function refused(options: Partial<Record<keyof DialerOptions | string, unknown>>): TunnelError {
  try {
    settingsOf({ ...usual, ...options } as DialerOptions)
  } catch (error) {
    return error as TunnelError
  }
  throw new Error('these options were accepted')
}

describe('options', () => {
  it('have defaults', () => {
    const settings = settingsOf(usual)
    expect(settings).toMatchObject({
      origin: {
        key: 'https://proxy.example.com',
        secure: true,
        address: { host: 'proxy.example.com', port: 443 },
      },
      serverName: 'proxy.example.com',
      host: 'proxy.example.com',
      path: '/webapi/connectionupgrade',
      mode: 'auto',
      keepAlive: { interval: 25_000, timeout: 90_000 },
      timeouts: { connect: 5_000, upgrade: 10_000, handshake: 10_000, idle: 0, linger: 3_000 },
      retry: { retries: 0 },
    })
  })

  it('pause ever longer where nothing bounds the pauses', () => {
    const { retry } = settingsOf({ ...usual, retry: { maxDelay: Number.POSITIVE_INFINITY } })
    expect(retry.maxDelay).toBe(2 ** 31 - 1)
  })

  it('take origins apart', () => {
    const at = (origin: string | URL) => settingsOf({ ...usual, origin })
    expect(at('http://proxy.example.com').origin).toMatchObject({ secure: false, address: { port: 80 } })
    expect(at(new URL('https://lb.test:8443/')).host).toBe('lb.test:8443')
    expect(at('https://lb.test:8443').origin.address).toEqual({ host: 'lb.test', port: 8443 })
    expect(at('https://[::1]:8443').origin.address).toEqual({ host: '::1', port: 8443 })
    expect(at('https://[::1]:8443').serverName).toBe('::1')
  })

  it.each(['proxy.example.com', 'ftp://a', 'https://user:secret@a', 'https://a/path', 'https://a/?q', ''])(
    'refuse the origin %j',
    (origin) => {
      const error = refused({ origin })
      expect(error.code).toBe('ERR_CONFIG_ORIGIN')
      expect(error.message).not.toContain('secret')
    },
  )

  it.each([
    ['alpn', ['']],
    ['alpn', ['x'.repeat(256)]],
    ['alpn', ['\u2603']],
    ['alpn', 'teleport-postgres'],
    ['mode', []],
    ['mode', 'http'],
    ['mode', ['websocket', 'other']],
    ['serverName', ''],
    ['serverName', 'a b'],
    ['headers', 7],
    ['headers', { a: 1 }],
    ['timeouts', { connect: -1 }],
    ['timeouts', { upgrade: 2 ** 31 }],
    ['timeouts', { handshake: Number.NaN }],
    ['keepAlive', { interval: 0 }],
    ['keepAlive', { interval: 100, timeout: 50 }],
    ['limits', { frame: 0 }],
    ['compat', ['half-mask']],
    ['retry', { retries: 21 }],
    ['retry', { retries: 0.5 }],
    ['retry', { delay: -1 }],
    ['trace', 'console'],
    ['keylog', {}],
    // Words of node:tls.
    ['rejectUnauthorized', false],
    ['ca', 'PEM'],
    ['servername', 'a'],
    ['ALPNProtocols', ['a']],
  ])('refuse %s: %j, by its name', (option, value) => {
    const error = refused({ [option]: value })
    expect(error.code).toBe('ERR_CONFIG_INVALID')
    expect(error.detail).toContain(option)
  })

  it('refuse to be without trust', () => {
    expect(refused({ trust: undefined }).code).toBe('ERR_CONFIG_TRUST')
  })

  it('put ping protocols first, once', () => {
    const { alpn } = settingsOf({ ...usual, alpn: ['a', 'b-ping', 'a', 'c', 'a-ping'] })
    expect(alpn).toEqual(['b-ping', 'a-ping', 'a', 'c'])
    expect(settingsOf({ ...usual, alpn: ['a', 'b'] }).alpn).toEqual(['a', 'b'])
  })

  it('take no limit for an infinite timeout', () => {
    const { timeouts } = settingsOf({ ...usual, timeouts: { connect: Number.POSITIVE_INFINITY, idle: 7 } })
    expect(timeouts).toMatchObject({ connect: 0, idle: 7, upgrade: 10_000 })
  })

  it('are changed by one connect()', () => {
    const base = settingsOf({ ...usual, alpn: ['a'], timeouts: { connect: 1 } })
    const one = settingsFor(base, {
      alpn: ['b'],
      serverName: 'inner',
      mode: 'direct',
      timeouts: { upgrade: 2 },
    })
    expect(one).toMatchObject({
      alpn: ['b'],
      serverName: 'inner',
      mode: ['direct'],
      modeGiven: true,
      timeouts: { connect: 1, upgrade: 2 },
    })
    expect(settingsFor(base, {})).toEqual(base)
  })

  it('take headers as pairs, an object or Headers', () => {
    expect(headerList([['a', 'b']])).toEqual([['a', 'b']])
    expect(headerList({ a: 'b' })).toEqual([['a', 'b']])
    expect(headerList(new Headers({ A: 'b' }))).toEqual([['a', 'b']])
  })
})
