// Which proxy, by option and by environment; and that no credentials get into an error.
import { describe, expect, it } from 'vitest'
import { type ProxyEnvironment, proxyFor } from '../../../src/platform/node/outbound-choice.js'
import { parseProxy } from '../../../src/platform/node/proxy-url.js'

const https = { host: 'proxy.test', port: 443, secure: true }
const http = { ...https, secure: false }

function chosen(env: ProxyEnvironment, destination = https): string | undefined {
  return proxyFor('environment', env, destination)?.address.host
}

describe('the environment', () => {
  it('says nothing, or a proxy for each kind of origin', () => {
    expect(chosen({})).toBeUndefined()
    const env = { HTTPS_PROXY: 'http://s', HTTP_PROXY: 'http://h', ALL_PROXY: 'http://a' }
    expect([chosen(env), chosen(env, http)]).toEqual(['s', 'h'])
    expect([chosen({ ALL_PROXY: 'http://a' }), chosen({ ALL_PROXY: 'http://a' }, http)]).toEqual(['a', 'a'])
    expect(chosen({ HTTPS_PROXY: 'http://s' }, http)).toBeUndefined()
  })

  it('prefers lower case, and skips what is blank', () => {
    expect(chosen({ https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper' })).toBe('lower')
    expect(chosen({ https_proxy: '  ', HTTPS_PROXY: 'http://upper' })).toBe('upper')
    expect(chosen({ HTTPS_PROXY: '', all_proxy: 'http://all' })).toBe('all')
  })

  it('has HTTP_PROXY last for https origins, as tsh', () => {
    expect(chosen({ HTTP_PROXY: 'http://h' })).toBe('h')
    expect(chosen({ HTTP_PROXY: 'http://h', ALL_PROXY: 'http://a' })).toBe('a')
  })

  it('takes HTTP_PROXY for a request header where it runs as CGI', () => {
    const env = { REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil' }
    expect(chosen(env, http)).toBeUndefined()
    expect(chosen(env)).toBeUndefined()
    if (process.platform !== 'win32') expect(chosen({ ...env, http_proxy: 'http://ours' }, http)).toBe('ours')
  })

  it('is not asked for loopback, nor for what NO_PROXY names', () => {
    const env = { HTTPS_PROXY: 'http://s' }
    for (const host of ['localhost', '127.0.0.1', '[::1]'])
      expect(chosen(env, { ...https, host })).toBeUndefined()
    expect(chosen({ ...env, NO_PROXY: 'proxy.test:443' })).toBeUndefined()
    expect(chosen({ ...env, NO_PROXY: 'proxy.test:444' })).toBe('s')
    expect(chosen({ ...env, no_proxy: 'else.test', NO_PROXY: 'proxy.test' })).toBe('s')
    expect(chosen({ ...env, no_proxy: '', NO_PROXY: '*' })).toBeUndefined()
  })

  it('is judged only where it applies', () => {
    expect(() => chosen({ HTTPS_PROXY: 'ftp://x' })).toThrow(
      expect.objectContaining({ code: 'ERR_PROXY_CONFIG' }),
    )
    expect(chosen({ HTTPS_PROXY: 'ftp://x', NO_PROXY: '*' })).toBeUndefined()
  })
})

describe('the option', () => {
  it('wins over the environment, over NO_PROXY and for loopback too', () => {
    const env = { HTTPS_PROXY: 'http://s', NO_PROXY: '*' }
    expect(proxyFor('none', env, https)).toBeUndefined()
    expect(proxyFor('http://mine:3128', env, { ...https, host: 'localhost' })?.shown).toBe('http://mine:3128')
    expect(proxyFor(new URL('socks5h://mine'), env, https)?.shown).toBe('socks5h://mine:1080')
  })
})

describe('the URL', () => {
  it.each([
    ['http://p', 'http', 'p', 80],
    ['http://p:80/', 'http', 'p', 80],
    ['p:3128', 'http', 'p', 3128],
    ['10.0.0.1:3128', 'http', '10.0.0.1', 3128],
    ['HTTPS://p', 'https', 'p', 443],
    ['https://p:8443/path?x', 'https', 'p', 8443],
    ['socks5://p', 'socks5', 'p', 1080],
    ['socks5h://[::1]:9', 'socks5h', '[::1]', 9],
  ])('%s', (text, scheme, host, port) => {
    expect(parseProxy(text, 'x')).toEqual({
      scheme,
      address: { host, port },
      shown: `${scheme}://${host}:${port}`,
    })
  })

  it('carries credentials, percent-encoded, which are never shown', () => {
    const proxy = parseProxy('http://al%40ice:p%3Aw%2Ford@p:1', 'x')
    expect(proxy.credentials).toEqual({ user: 'al@ice', password: 'p:w/ord' })
    expect(proxy.shown).toBe('http://p:1')
    expect(parseProxy('socks5://alice@p', 'x').credentials).toEqual({ user: 'alice', password: '' })
  })

  it.each([
    'ftp://alice:secret@p',
    'socks4://alice:secret@p',
    'http://alice:secret@',
    'http://alice:secret@p:0',
    'http://alice:secret@p:99999',
    'http://alice:%zzsecret@p',
    'http://al%3Aice:secret@p',
    'http://alice:%0dsecret@p',
    'http://alice:secret@p q',
  ])('%s is refused, and not repeated', (text) => {
    const parse = () => parseProxy(text, 'HTTPS_PROXY')
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_PROXY_CONFIG', blame: 'config' }))
    expect(parse).toThrow(/HTTPS_PROXY/)
    expect(parse).not.toThrow(/secret|alice/)
  })
})
