// NO_PROXY against what Go and curl document, entry by entry.
import { describe, expect, it } from 'vitest'
import { bypassesProxy, isLoopback } from '../../../src/platform/node/no-proxy.js'

// biome-ignore format: a table
const table: ReadonlyArray<readonly [list: string, host: string, port: number, bypassed: boolean]> = [
  // Names, and what is below them.
  ['example.com', 'example.com', 443, true],
  ['example.com', 'EXAMPLE.com', 443, true],
  ['Example.COM', 'example.com.', 443, true],
  ['example.com.', 'example.com', 443, true],
  ['example.com', 'www.example.com', 443, true],
  ['example.com', 'a.b.example.com', 443, true],
  ['example.com', 'notexample.com', 443, false],
  ['example.com', 'example.com.evil.test', 443, false],
  ['www.example.com', 'example.com', 443, false],
  // A leading dot: only what is below, as Go has it.
  ['.example.com', 'www.example.com', 443, true],
  ['.example.com', 'example.com', 443, false],
  ['*.example.com', 'www.example.com', 443, true],
  ['*.example.com', 'example.com', 443, false],
  ['*', 'anything.test', 443, true],
  ['*', '192.0.2.1', 80, true],
  ['a*.example.com', 'ab.example.com', 443, false],
  // Ports.
  ['example.com:443', 'example.com', 443, true],
  ['example.com:443', 'example.com', 8443, false],
  ['example.com:443', 'www.example.com', 443, true],
  ['192.0.2.1:80', '192.0.2.1', 80, true],
  ['192.0.2.1:80', '192.0.2.1', 443, false],
  ['[2001:db8::1]:443', '[2001:db8::1]', 443, true],
  ['[2001:db8::1]:443', '[2001:db8::1]', 80, false],
  // Addresses: compared with addresses, in whatever way they are written.
  ['192.0.2.1', '192.0.2.1', 443, true],
  ['192.0.2.1', '192.0.2.10', 443, false],
  ['192.0.2.1', '1.192.0.2.1', 443, false],
  ['2001:db8::1', '[2001:DB8:0:0::1]', 443, true],
  ['[2001:db8::1]', '2001:db8::1', 443, true],
  ['192.0.2.1', '[::ffff:192.0.2.1]', 443, true],
  ['2.1', '192.0.2.1', 443, false],
  // Subnets.
  ['192.0.2.0/24', '192.0.2.200', 443, true],
  ['192.0.2.0/24', '192.0.3.1', 443, false],
  ['10.0.0.0/8', '10.255.1.2', 443, true],
  ['192.0.2.77/32', '192.0.2.77', 443, true],
  ['0.0.0.0/0', '203.0.113.9', 443, true],
  ['2001:db8::/32', '[2001:db8:1::5]', 443, true],
  ['2001:db8::/32', '[2001:db9::1]', 443, false],
  ['0.0.0.0/0', '[2001:db8::1]', 443, false],
  ['10.0.0.0/8', 'ten.example.com', 443, false],
  ['192.0.2.0/33', '192.0.2.1', 443, false],
  ['192.0.2.0/', '192.0.2.1', 443, false],
  ['example.com/24', 'example.com', 443, false],
  // Lists.
  ['a.test, b.test,c.test', 'b.test', 443, true],
  ['a.test b.test', 'b.test', 443, true],
  [' ,, a.test ,', 'a.test', 443, true],
  ['', 'a.test', 443, false],
  [',', 'a.test', 443, false],
  ['.', 'a.test', 443, false],
  [':443', 'a.test', 443, false],
]

describe('NO_PROXY', () => {
  it.each(table)('"%s" and %s:%d: %s', (list, host, port, bypassed) => {
    expect(bypassesProxy(list, host, port)).toBe(bypassed)
  })
})

describe('loopback', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'db.localhost',
    '127.0.0.1',
    '127.8.9.1',
    '[::1]',
    '::1',
    '[::ffff:127.0.0.1]',
  ])('%s is', (host) => expect(isLoopback(host)).toBe(true))

  it.each(['localhost.example.com', 'example.com', '128.0.0.1', '[::2]', 'notlocalhost'])(
    '%s is not',
    (host) => expect(isLoopback(host)).toBe(false),
  )
})
